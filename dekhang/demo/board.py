"""What the demo's board has beside its numbers: a provider that was asked for help, and a number that a unit contests."""

from collections.abc import Mapping

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.duties.contesting.services import contest
from dekhang.apps.duties.services import declare
from dekhang.apps.duties.supporting import services as supporting
from dekhang.apps.registry.models import Provider, UnitVersion
from dekhang.apps.registry.selectors import heads, officers
from dekhang.apps.registry.services import register_provider


def fill_board(by_name: Mapping[str, UnitVersion]) -> None:
    coordinator = User.objects.get(role=Role.COORDINATOR)
    helped = by_name["Sở Thông tin và Truyền thông"].unit_id
    answers, silent = (
        register_provider(name=name, duty_email=email, by=coordinator)
        for name, email in (
            ("Doanh nghiệp viễn thông Mẫu 1", "truc-1@isp.example.com"),
            ("Doanh nghiệp viễn thông Mẫu 2", "truc-2@isp.example.com"),
        )
    )
    Provider.objects.filter(pk=answers.pk).update(last_answered_at=clock.now())
    for provider in (answers, silent):
        declare(
            unit_id=provider.unit_id,
            duty_key="isp",
            statement="Có bộ phận an toàn thông tin, trực 24/7.",
            by=coordinator,
        )
    asked = [
        supporting.ask(provider_id=provider.unit_id, unit_id=helped, text=text, is_exercise=True, by=coordinator)
        for provider, text in (
            (answers, "Diễn tập: chặn địa chỉ 192.0.2.7 đang dò mật khẩu cổng thông tin."),
            (silent, "Diễn tập: cho biết đường truyền nào của Sở đang gửi lưu lượng bất thường."),
        )
    ]
    done = supporting.record_answer(
        request=asked[0], answer="Đã chặn ở biên mạng.", answered_at=clock.now(), by=coordinator
    )
    supporting.verify(request=done, works=True, note="Không còn lượt dò nào.", by=officers(helped).get())
    unhappy = by_name["Sở Tài chính"].unit_id
    contest(
        unit_id=unhappy,
        duty_key="record_attacks",
        text="Máy chủ đã cài gửi nhật ký từ tuần trước; phép thử chưa làm vì đang chuyển phòng máy.",
        by=heads(unhappy).get(),
    )
