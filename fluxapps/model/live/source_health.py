"""How the sources stand that charts and folders come from: HelmCharts, which Flux makes, and what is declared."""

from fluxapps.model.declare.names import SOURCE
from fluxapps.model.live.condition import Live, condition, current_condition
from fluxapps.model.live.health import (
    FETCHED_AGAIN,
    READY,
    Health,
    State,
    artifact_revision,
    failed,
    is_static,
    is_suspended,
    progressing,
)
from fluxapps.model.live.scene import Inquiry
from fluxapps.model.objects import ObjectId

_REFUSED = frozenset({"AuthenticationFailed", "URLInvalid", "InvalidURL", "InvalidProviderConfiguration"})
"""What source-controller doesn't get over by fetching again."""


def chart_health(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health:
    """Return how the HelmChart *identity*, live as *one*, stands."""
    said = current_condition(one, "Ready")
    if said is None:
        return progressing("fetching its chart")
    if said["status"] == "True":
        return READY
    reference = one["spec"]["sourceRef"]
    source = ObjectId(SOURCE, reference["kind"], identity.namespace, reference["name"])
    health = inquiry.of(source)
    if health.state is not State.READY:
        return health
    fetched, seen = artifact_revision(inquiry.scene.find(source)), one["status"].get("observedSourceArtifactRevision")
    if said["status"] == "Unknown" or (seen and fetched and seen != fetched):
        return progressing("fetching its chart")
    # With its repository fetched, a chart or version that isn't there stays so.
    return failed(identity, said, 0 if said["reason"] == "InvalidChartReference" else FETCHED_AGAIN)


def source_health(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health:
    """Return how the source *identity*, live as *one*, stands: what it has fetched is what is wanted of it."""
    if is_static(one):
        return READY
    said, fetch = current_condition(one, "Ready"), current_condition(one, "FetchFailed")
    if is_suspended(one):
        known = condition(one, "Ready")
        usable = known is not None and known["status"] == "True"
        return READY if usable else failed(identity, "is suspended, and has fetched nothing")
    if said is not None and said["status"] == "True":
        wanted = _wanted(inquiry, identity, artifact_revision(one))
        return progressing(f"{identity.kind} is not at {wanted} yet") if wanted else READY
    if fetch is None or fetch["status"] != "True":
        fetch = said if said is not None and said["status"] == "False" else None
    if fetch is None or fetch["reason"] == "Progressing":
        return progressing(f"{identity.kind} {identity.name} is being fetched")
    return failed(identity, fetch, 0 if fetch["reason"] in _REFUSED else FETCHED_AGAIN)


def _wanted(inquiry: Inquiry, identity: ObjectId, revision: str) -> str | None:
    """Return the commit, in words, that *identity* has to fetch yet, with *revision* what it has."""
    if revision == inquiry.cast.outdated.get(identity):
        return "its branch's latest commit"
    commit = inquiry.cast.commits.get(identity)
    return None if commit is None or revision.endswith(commit) else f"commit {commit[:10]}"
