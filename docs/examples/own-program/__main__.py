"""A platform's own program: a Secret and tenants of its own, and apps that Flux runs with Helm."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

import tenants
from components import FluxBootstrap, FluxBootstrapArgs, FluxHelmApp, FluxHelmAppArgs, FluxSystem, FluxSystemArgs
from fluxapps import model
from fluxapps.engine import Leaves, register_promptly

config = pulumi.Config()

# Apps said in files: read, checked and declared by the model, as everywhere.
fleet = model.resolve(model.load(Path.cwd()), pulumi.get_stack())
errors = [problem for problem in model.check(fleet) if problem.severity is model.Severity.ERROR]
if errors:
    raise pulumi.RunError(str(model.ConfigError(errors)))
declared = model.declare(fleet).for_pulumi()

# A program that makes its cluster would hand over that cluster's kubeconfig here.
provider = kubernetes.Provider("cluster", context=fleet.cluster.context)
on_cluster = pulumi.ResourceOptions(providers=[provider])
# One for all components: by it an object can follow the objects of another component.
leaves = Leaves()

FluxSystem("flux-system", FluxSystemArgs(declared.system, leaves), on_cluster)
FluxBootstrap("bootstrap", FluxBootstrapArgs((*declared.bootstrap, *tenants.shared()), leaves), on_cluster)

# A resource of the program's own, after an object that a component made, and before an app.
gitea_admin = kubernetes.core.v1.Secret(
    "gitea-admin",
    metadata=kubernetes.meta.v1.ObjectMetaArgs(name="gitea-admin", namespace="gitea"),
    string_data={"username": "admin", "password": config.require_secret("giteaPassword")},
    opts=pulumi.ResourceOptions(
        provider=provider, depends_on=[leaves[model.ObjectId(group="", kind="Namespace", namespace="", name="gitea")]]
    ),
)
needs = {"gitea": [gitea_admin]}
for app in declared.apps:
    after = pulumi.ResourceOptions(depends_on=needs.get(app.name))
    FluxHelmApp(app.name, FluxHelmAppArgs(app.objects, leaves), pulumi.ResourceOptions.merge(on_cluster, after))

# Apps said in code: one release for each tenant that the stack's configuration names.
for name, replicas in config.require_object("tenants").items():
    tenant = FluxHelmApp(name, FluxHelmAppArgs(tenants.tenant(name, replicas), leaves), on_cluster)
    pulumi.export(name, tenant.releases)

register_promptly()
