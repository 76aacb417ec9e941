"""What the fields of log records are called in Vietnamese, for people who do not read logs every day."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, Promise] = {
    "dekhang.hunt": _("Tìm ra khi lùng trong dữ liệu cũ, lần"),
    # machines and people
    "Computer": _("Máy"),
    "host": _("Máy"),
    "Hostname": _("Máy"),
    "WorkstationName": _("Máy gọi tới"),
    "user": _("Tài khoản"),
    "User": _("Tài khoản"),
    "SubjectUserName": _("Tài khoản thực hiện"),
    "TargetUserName": _("Tài khoản bị tác động"),
    "SubjectDomainName": _("Miền của tài khoản thực hiện"),
    "TargetDomainName": _("Miền của tài khoản bị tác động"),
    "MemberName": _("Thành viên được thêm"),
    "LogonType": _("Kiểu đăng nhập (3: qua mạng, 10: từ xa)"),
    "action": _("Việc xảy ra"),
    # addresses
    "src_ip": _("Địa chỉ nguồn"),
    "IpAddress": _("Địa chỉ nguồn"),
    "SourceIp": _("Địa chỉ nguồn"),
    "c-ip": _("Địa chỉ người gọi"),
    "dest_ip": _("Địa chỉ đích"),
    "DestinationIp": _("Địa chỉ đích"),
    "DestinationHostname": _("Tên máy đích"),
    "src_port": _("Cổng nguồn"),
    "dest_port": _("Cổng đích"),
    "DestinationPort": _("Cổng đích"),
    "QueryName": _("Tên miền được hỏi"),
    # programs
    "Image": _("Chương trình chạy"),
    "NewProcessName": _("Chương trình chạy"),
    "OriginalFileName": _("Tên gốc của chương trình"),
    "ParentImage": _("Chương trình gọi nó"),
    "ParentProcessName": _("Chương trình gọi nó"),
    "CommandLine": _("Dòng lệnh"),
    "ProcessCommandLine": _("Dòng lệnh"),
    "ParentCommandLine": _("Dòng lệnh của chương trình gọi nó"),
    "CurrentDirectory": _("Thư mục đang đứng"),
    "ScriptBlockText": _("Nội dung lệnh PowerShell"),
    "command": _("Lệnh"),
    "exe": _("Chương trình chạy"),
    "comm": _("Tên tiến trình"),
    "program": _("Chương trình ghi log"),
    "pid": _("Số tiến trình"),
    "Hashes": _("Mã băm của tệp"),
    "ServiceName": _("Tên dịch vụ"),
    "ServiceFileName": _("Tệp của dịch vụ"),
    "ImagePath": _("Tệp của dịch vụ"),
    "TaskName": _("Tác vụ định kỳ"),
    "TaskContent": _("Nội dung tác vụ định kỳ"),
    # files and registry
    "TargetFilename": _("Tệp bị tác động"),
    "ImageLoaded": _("Thư viện được nạp"),
    "TargetObject": _("Khóa registry"),
    "Details": _("Giá trị ghi vào"),
    "ObjectName": _("Đối tượng"),
    "ShareName": _("Thư mục chia sẻ"),
    "TargetImage": _("Tiến trình bị can thiệp"),
    "SourceImage": _("Tiến trình can thiệp"),
    "GrantedAccess": _("Quyền truy cập đã lấy"),
    # web
    "cs-method": _("Kiểu yêu cầu"),
    "cs-uri": _("Địa chỉ trang được gọi"),
    "cs-uri-stem": _("Đường dẫn trang"),
    "cs-uri-query": _("Tham số gửi kèm"),
    "cs-uri-decoded": _("Tham số gửi kèm, đã giải mã"),
    "cs-user-agent": _("Phần mềm người gọi tự khai"),
    "cs-referer": _("Trang dẫn tới"),
    "cs-username": _("Tài khoản web"),
    "sc-status": _("Mã trả lời của máy chủ (2xx: thành công)"),
    "sc-bytes": _("Số byte trả về"),
    # network sensors
    "alert.signature": _("Dấu hiệu Suricata nhận ra"),
    "alert.category": _("Nhóm dấu hiệu"),
    "alert.severity": _("Mức của Suricata (1: nặng nhất)"),
    "event_type": _("Loại bản ghi Suricata"),
    "http.hostname": _("Trang web được gọi"),
    "http.url": _("Địa chỉ trang được gọi"),
    "dns.rrname": _("Tên miền được hỏi"),
    "tls.sni": _("Trang web được gọi (TLS)"),
    # about the record itself
    "EventID": _("Mã sự kiện Windows"),
    "Channel": _("Nhật ký Windows"),
    "Provider_Name": _("Thành phần ghi sự kiện"),
    "message": _("Nội dung"),
    "type": _("Loại bản ghi"),
    "key": _("Nhãn của luật auditd"),
}


def name_of(field: str) -> str:
    """The Vietnamese name of a field; its own name when we have none."""
    known = NAMES.get(field)
    return str(known) if known is not None else field
