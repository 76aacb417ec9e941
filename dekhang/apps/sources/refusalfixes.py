"""What to do about each reason for which receivers refuse records; the reasons' names are in stores.reasons."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dekhang.pipeline.stores.reasons import Reason

FIXES: dict[str, Promise] = {
    Reason.MISSING_TOKEN: _("Điền mã nguồn log vào cấu hình của máy gửi."),
    Reason.WRONG_TOKEN: _("Chép lại mã vào máy gửi; mất mã thì cấp mã mới."),
    Reason.UNKNOWN_SENDER: _("Khai địa chỉ IP của máy gửi ở nguồn (Sửa nguồn), hoặc cho máy gửi kèm mã."),
    Reason.TLS_HANDSHAKE: _("Máy gửi phải dùng TLS 1.2 trở lên ở cổng này và tin chứng chỉ gốc của máy nhận."),
    Reason.UNKNOWN_CERTIFICATE: _(
        "Khai dấu vân tay chứng chỉ của máy gửi ở nguồn (Sửa nguồn), hoặc cho máy gửi kèm mã."
    ),
    Reason.RETIRED: _("Nguồn đã ngừng: tắt việc gửi trên máy, hoặc bấm “Dùng lại”."),
    Reason.OVERSIZE: _("Giảm cỡ gói ở máy gửi (bulk_max_size, batch) và không gửi bản ghi dài quá 1 MB."),
    Reason.MALFORMED: _("Cập nhật chương trình gửi, dùng đúng cấu hình đã cấp; xem ví dụ để biết gói hỏng chỗ nào."),
    Reason.UNSUPPORTED: _("Đặt chương trình gửi ở chế độ chỉ thêm (create, index), không sửa hay xóa."),
    Reason.NOISE: _("Có máy quét hoặc phần mềm khác gõ vào cổng syslog: kiểm tra máy ở địa chỉ ấy."),
    Reason.DISK_FULL: _("Lỗi ở máy chủ của tỉnh, không phải ở đơn vị: báo quản trị hệ thống. Máy gửi tự gửi lại."),
    Reason.SPOOL_FULL: _("Máy chủ của tỉnh đang xử lý không kịp: báo quản trị hệ thống. Máy gửi tự gửi lại."),
    Reason.SOURCE_FULL: _("Nguồn gửi nhanh hơn mức xử lý quá lâu: giảm mức log ở máy gửi, hoặc xin nâng hạn mức."),
    Reason.OVERLOADED: _("Quá nhiều kết nối cùng lúc: giảm số kết nối hoặc tăng cỡ gói ở máy gửi."),
    Reason.KERNEL_DROPPED: _("UDP không chờ được: chuyển máy gửi sang TCP."),
    Reason.UNREADABLE_FILE: _("Kiểm tra tệp đã tải lên: đúng định dạng, không hỏng, không đặt mật khẩu."),
    Reason.WRONG_ADDRESS: _("Sửa địa chỉ ở máy gửi theo cấu hình đã cấp; xem ví dụ để biết nó gửi đi đâu."),
    Reason.TIMED_OUT: _("Đường truyền chậm hoặc hay đứt: giảm cỡ gói ở máy gửi. Máy gửi tự gửi lại."),
    Reason.FAULT: _("Lỗi ở máy chủ của tỉnh, không phải ở đơn vị: báo quản trị hệ thống. Máy gửi tự gửi lại."),
}
UNKNOWN = _("Xem ví dụ; chưa rõ thì hỏi cơ quan điều phối.")


def fix_of(reason: str) -> Promise:
    return FIXES.get(reason, UNKNOWN)
