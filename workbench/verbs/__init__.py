"""The verbs: what a person calls. They join rooms and resolve what no single room may know."""

from workbench.verbs.attaching import attach as attach
from workbench.verbs.building import build as build
from workbench.verbs.citing import cite as cite
from workbench.verbs.compressing import compress as compress
from workbench.verbs.loading import load as load
from workbench.verbs.training import fit as fit
from workbench.verbs.training import resume as resume
from workbench.verbs.training import runs as runs
from workbench.verbs.training import start as start
from workbench.verbs.verifying import verify as verify
