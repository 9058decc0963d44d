"""What Flux applies from the folders of a stack, by identity."""

from fluxapps.model.checks.folders import folders
from fluxapps.model.objects import ObjectId
from fluxapps.model.resolved import Fleet


def applied_by(fleet: Fleet) -> dict[ObjectId, str]:
    """Return the app in whose folder an object is ("": no app's), for each whose name the files themselves tell.

    Of a kind that is in no namespace nobody here knows so: it is there with the folder's namespace and without.
    """
    found: dict[ObjectId, str] = {}
    for one in (each for folder in folders(fleet) for each in folder.objects if not each.renamed):
        group = str(one.manifest["apiVersion"]).rpartition("/")[0]
        kind, name = str(one.manifest["kind"]), str(one.manifest["metadata"]["name"])
        app = one.app.name if one.app is not None else ""
        found |= {ObjectId(group, kind, namespace, name): app for namespace in {one.namespace, ""}}
    return found
