"""The program: declares the apps of one stack, one cluster, for Flux to run with Helm."""

from components import FluxBootstrap, FluxBootstrapArgs, FluxHelmApp, FluxHelmAppArgs, FluxSystem, FluxSystemArgs
from fluxapps import engine

run = engine.Run.current()
fleet = run.declare()
FluxSystem("flux-system", FluxSystemArgs(fleet.system, run.leaves), run.options)
FluxBootstrap("bootstrap", FluxBootstrapArgs(fleet.bootstrap, run.leaves), run.options)
for app in fleet.apps:
    FluxHelmApp(app.name, FluxHelmAppArgs(app.objects, run.leaves), run.options)
run.finish()
