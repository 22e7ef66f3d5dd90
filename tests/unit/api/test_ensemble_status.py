"""The status of an ensemble, as it is written and read back."""

from zookeeper_operator.api.ensemble_status import EnsembleStatus, MemberStatus


def test_a_status_leaves_out_what_is_not_known() -> None:
    status = EnsembleStatus(members=(MemberStatus(id=1, pod="zk-1"),)).to_api()
    assert "leader" not in status
    assert "lag" not in status["members"][0]
    assert EnsembleStatus.model_validate(status).to_api() == status
