"""Why a receiver refused something: the words in `refusals.reason`, and how a person reads them."""

from enum import StrEnum


class Reason(StrEnum):
    """Values of `refusals.reason`; refusals that cannot be tied to a source are counted under source 0."""

    MISSING_TOKEN = "missing_token"  # noqa: S105 - the name of a reason, not a secret
    WRONG_TOKEN = "wrong_token"  # noqa: S105
    UNKNOWN_SENDER = "unknown_sender"
    UNKNOWN_CERTIFICATE = "unknown_certificate"
    TLS_HANDSHAKE = "tls_handshake"
    RETIRED = "retired"
    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    NOISE = "noise"
    DISK_FULL = "disk_full"
    SPOOL_FULL = "spool_full"
    SOURCE_FULL = "source_full"
    OVERLOADED = "overloaded"
    KERNEL_DROPPED = "kernel_dropped"
    UNREADABLE_FILE = "unreadable_file"
    WRONG_ADDRESS = "wrong_address"
    TIMED_OUT = "timed_out"
    FAULT = "fault"


LABELS: dict[str, str] = {
    Reason.MISSING_TOKEN: "Không kèm mã kết nối",
    Reason.WRONG_TOKEN: "Mã kết nối sai",
    Reason.UNKNOWN_SENDER: "Máy gửi chưa đăng ký",
    Reason.UNKNOWN_CERTIFICATE: "Chứng chỉ của máy gửi chưa đăng ký",
    Reason.TLS_HANDSHAKE: "Không bắt tay được TLS",
    Reason.RETIRED: "Nguồn đã ngừng sử dụng",
    Reason.OVERSIZE: "Quá dài, phần thừa bị cắt hoặc cả gói bị từ chối",
    Reason.MALFORMED: "Gói gửi sai cấu trúc",
    Reason.UNSUPPORTED: "Lệnh sửa hoặc xóa, hệ thống chỉ nhận thêm",
    Reason.NOISE: "Dữ liệu nhị phân, không phải nhật ký",
    Reason.DISK_FULL: "Ổ đĩa đầy",
    Reason.SPOOL_FULL: "Log chờ xử lý đã chiếm hết chỗ dành cho nó",
    Reason.SOURCE_FULL: "Nguồn gửi nhanh hơn mức xử lý, phần chờ của riêng nguồn đã đầy",
    Reason.OVERLOADED: "Quá tải hoặc quá nhiều kết nối",
    Reason.KERNEL_DROPPED: "Hệ điều hành bỏ gói UDP vì đến quá nhanh",
    Reason.UNREADABLE_FILE: "Tệp tải lên không đọc được",
    Reason.WRONG_ADDRESS: "Gửi tới một địa chỉ không nhận nhật ký",
    Reason.TIMED_OUT: "Gói gửi dở dang, chờ quá lâu",
    Reason.FAULT: "Máy nhận gặp lỗi phần mềm",
}
