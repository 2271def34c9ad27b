"""The door of this room: who may begin a gift, what refused cards lead to, what staff decide."""

from __future__ import annotations

from donate.guard.admission import Verdict as Verdict
from donate.guard.admission import admit as admit
from donate.guard.admission import keep_asking as keep_asking
from donate.guard.breaker import lift as lift
from donate.guard.breaker import unlift as unlift
from donate.guard.declines import drop_old as drop_old
from donate.guard.declines import is_suspicious as is_suspicious
from donate.guard.declines import record_decline as record_decline
