"""What there is to do so that a running cluster goes over to the imported repository, in order, nothing reinstalled."""

from fluxapps.importing.clusters import Cluster
from fluxapps.importing.said import StackSaid

_SUSPEND = '{"spec": {"suspend": true}}'


def adoption_plan(cluster: Cluster, said: StackSaid) -> list[str]:
    """Return the steps by which the stack *said* takes over what runs on *cluster*, a line or a command each.

    A Kustomization that goes is suspended first: then its removal deletes nothing of what it applied, and every
    object has its next writer before that.
    """
    stack = said.name
    gone = sorted(one.id for one in said.left if one.id.kind == "Kustomization")
    live = {one.built.id for one in cluster.applied if one.built is not None}
    steps = [
        f"# 1. Say in Pulumi.{stack}.yaml which cluster it is: context.",
        "# 2. Render, commit, push: Flux reads the tree from the repository that `git` names.",
        f"fluxapps check --stack {stack}",
        f"fluxapps render --stack {stack}",
        f"git add apps bootstrap fleet.yaml Pulumi.yaml Pulumi.{stack}.yaml deploy",
        f'git commit -m "Say {stack} as app files" && git push',
    ]
    if suspended := [one for one in gone if one in live]:
        steps.append("# 3. Suspend the Kustomizations that go, so that nothing goes with them.")
        steps += [
            f"kubectl -n {one.namespace} patch kustomizations.kustomize.toolkit.fluxcd.io {one.name}"
            f" --type merge -p '{_SUSPEND}'"
            for one in suspended
        ]
    steps += [
        "# 4. See what would be taken over, and which fields change.",
        f"fluxapps attach --stack {stack} --all --dry-run",
        "# 5. Take it over. For apply delivery, say `delivery: apply` in the stack's file before.",
        f"fluxapps attach --stack {stack} --all",
    ]
    if suspended:
        steps.append("# 6. Remove the suspended Kustomizations that Flux has not removed by itself.")
        steps += [
            f"kubectl -n {one.namespace} delete kustomizations.kustomize.toolkit.fluxcd.io {one.name}"
            " --ignore-not-found"
            for one in suspended
        ]
    return steps
