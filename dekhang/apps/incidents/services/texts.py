from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.screening import mark_in_text


def refuse_marks(*texts: str) -> None:
    """Refuse texts that carry a stamp of secrecy as a line of its own; nothing of them is kept."""
    for text in texts:
        if mark := mark_in_text(text):
            raise ActionDenied(
                _(
                    "Nội dung có dòng ghi dấu “%(mark)s” nên không được lưu. Hệ thống này không chứa bí mật nhà nước: "
                    "hãy xử lý trực tiếp với người phụ trách bảo vệ bí mật và Công an, và chỉ ghi ở đây thời gian, "
                    "đơn vị, việc đã làm."
                )
                % {"mark": mark}
            )
