"""The steps that make a copy and lead traffic to it. Each looks first, and does what is missing."""

from collections.abc import Sequence

from autoscaler.act import stack_config
from autoscaler.act.app_stack import AppStack
from autoscaler.burst import cold
from autoscaler.burst import world as worlds
from autoscaler.burst.copy_config import copy_values, encryption, left_out, secret, with_encryption
from autoscaler.burst.data import Data, part_of_copy
from autoscaler.burst.refusals import CloudAway, MoveFailed
from autoscaler.burst.weights import weights
from autoscaler.burst.work import Work, copy_of, ready_members
from autoscaler.observe.members import APPLICATION_LABEL
from blueprints.beside import stands_alone
from blueprints.following import following
from blueprints.kinds.application import Application
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.passages import passages

KEEP_SECONDS = 3600.0
_NAMESPACE = "kubernetes:core/v1:Namespace"


def cloud(work: Work) -> None:
    """The host cluster and its platform are there and answer."""
    name = work.move.cloud
    # From the record of this move on nobody begins to remove it; who has begun is waited for.
    with cold.alone(work, name):
        for stack, proof in ((f"hosts-{name}", "kubeconfig"), (f"platform-{name}", "registry")):
            # Outputs come last: what was killed or failed half-way has none.
            if worlds.made(work.cli, stack) and proof in work.outputs(stack):
                continue
            if stack.startswith("hosts-") and not worlds.made(work.cli, stack):
                work.records.make_cloud(name, _keep(work))
            work.say(f"makes {stack}")
            work.cli.init(stack)
            work.up(stack, "")
        if known := work.records.cold(name):
            work.records.use_cloud(name)
            if not known.made:
                work.records.mark_cloud(name, worlds.mark_of(work.cli, f"hosts-{name}"))
    work.must_answer(name)


def _keep(work: Work) -> float:
    """How long a cloud made for this copy is kept, in seconds."""
    policy = policy_of(work.home())
    return policy.burst.keep.seconds if policy is not None and policy.burst is not None else KEEP_SECONDS


def policy_of(home: AppStack) -> ApplicationPolicy | None:
    """The application's policy. Raises DocumentError."""
    documents = home.documents()
    application = documents.get(Application, home.application)
    name = application.placement if application is not None else None
    return documents.get(ApplicationPolicy, name) if name else None


def data_of(policy: ApplicationPolicy | None) -> Data:
    """What the policy says of data."""
    return policy.burst.data if policy is not None and policy.burst is not None else "home"


def config(work: Work) -> None:
    """The copy's stack is there and says what its home's says."""
    cli, home, path = work.cli, work.home(), work.cli.config_path(work.stack)
    key = encryption(cli.config_path(home.name).read_text("utf-8"))
    stack_config.rewrite(
        path, lambda text: None if encryption(text or "") else with_encryption(text or "", key)
    )
    cli.init(work.stack)
    other_key = encryption(path.read_text("utf-8")) != key
    known = stack_config.read(path)
    values = copy_values(
        home.config,
        known,
        work.move.cloud,
        work.move.scale,
        _clusters(work, home),
        follows=work.move.follows,
    )
    sealed = {name for name, value in values.items() if secret(value)}
    if other_key:
        for name in sorted(sealed):
            cli.copy_setting(home.name, name, work.stack)  # decrypts and encrypts inside the CLI
        values = {name: value for name, value in values.items() if name not in sealed}
    if cli.configure(work.stack, values) and (left := left_out(home.config)):
        work.note(
            f"{work.stack}: not carried over, as they are settings of {work.move.home}: {', '.join(left)}"
        )
    work.records.settle(work.move.application, work.move.cloud)


def _clusters(work: Work, home: AppStack) -> Sequence[str] | None:
    """What the copy has of the application, where it has not all."""
    if work.move.clusters is not None or work.move.kind == "migrate":
        return work.move.clusters
    documents = home.documents()
    plan = documents.plan(home.application, home.scale.at_rest(), home.copy)
    return part_of_copy(plan, documents.compose(home.application), data_of(policy_of(home)))


def images(work: Work) -> None:
    """The cloud's registry has every image."""
    work.world.prepare(work.cli, work.stack)


def let_in(work: Work) -> None:
    """The home lets the copy come to what it has not itself."""
    copy = AppStack.read(work.cli, work.stack)
    if copy.clusters is None and not work.move.follows:
        return
    home = work.home()
    scale = (copy.scale if copy.scale.overflow else home.scale).at_rest()
    plan = home.documents().plan(home.application, scale, home.copy, copy.clusters)
    if work.move.follows:
        plan = following(plan, "follows")
    if stands_alone(plan):
        return
    known = work.outputs(work.home_stack)
    open_for = (known.get("gateway") or {}).get("ports") or {}
    if "link" in known and all(each.key in open_for for each in passages(plan.remote.values())):
        return
    names = ", ".join(each.id for each in plan.remote.values()) or "nothing yet"
    work.say(f"{work.home_stack} lets the copy in (to {names})")
    work.up(work.home_stack, work.move.home, "--refresh=false")


def deploy(work: Work) -> None:
    """The copy is deployed. `pulumi up` says itself what is missing."""
    known = work.cli.deployment(work.stack).get("resources", [])
    if any(each["type"] == _NAMESPACE for each in known):
        # Whatever its cloud has been through since: what is there is looked at, used or mended.
        work.up(work.stack, work.move.cloud, "--refresh=true")
        return
    _clear(work)
    work.up(work.stack, work.move.cloud, "--refresh=false")


def _clear(work: Work) -> None:
    """Old members that no stack knows: of an earlier copy, in a cloud that was away when it ended."""
    space, name, clouds = f"app-{work.move.application}", work.move.cloud, work.world.clouds
    try:
        labels = clouds.namespace(name, space)
        if labels is None:
            return
        if labels.get(APPLICATION_LABEL) != work.move.application:
            raise MoveFailed(
                f"the cloud {name} has a namespace {space} that is not Altostratus': remove it first"
            )
        if clouds.has_data(name, space):
            raise MoveFailed(
                f"the cloud {name} has data of an earlier {work.move.application}, in the namespace {space}\n"
                f"  Drop it (kubectl delete namespace {space}), or use it: make the application there."
            )
        work.note(f"{name} had old members of {work.move.application} that no stack knew: they go")
        clouds.drop(name, space)
        if not work.await_that(lambda: clouds.namespace(name, space) is None, work.world.times.namespace):
            raise MoveFailed(
                f"the namespace {space} in {name} does not end; kubectl describe namespace {space}"
            )
    except ConnectionError as error:
        raise CloudAway(f"the cloud {name} does not answer: {error}") from error


def ready(work: Work) -> None:
    """Every member is ready, and the copy's address answers."""
    known = work.outputs(work.stack)
    space, copy = str(known.get("namespace")), copy_of(work, work.stack)
    told = ""

    def all_ready() -> bool:
        nonlocal told
        try:
            found = work.world.clouds.ready(work.move.cloud, space, copy)
        except ConnectionError as error:
            told = str(error)
            return False
        missing = [
            f"{name}: {ready} of {wanted} ready" for name, (wanted, ready) in found.items() if ready < wanted
        ]
        told = ", ".join(missing) or ("" if found else "it has no members")
        return not told

    if not work.await_that(all_ready, work.world.times.serve):
        raise MoveFailed(f"the copy in {work.move.cloud} is not ready: {told}")
    if not work.await_that(lambda: work.world.serves(known), work.world.times.serve):
        urls = ", ".join(known.get("urls") or [])
        raise MoveFailed(f"the copy in {work.move.cloud} does not answer at {urls}")
    total = ready_members(work, work.stack)
    work.say(f"{total} member{'s' if total != 1 else ''} ready in {work.move.cloud}, and the copy answers")


def open_door(work: Work) -> bool:
    """The copy stands behind the front door, still without a share; False where it does not have to.

    Raises MoveFailed where home is reached from outside and the copy cannot be: it can be no new home.
    """
    door, name = work.front, work.move.cloud
    known = {each: worlds.addresses(work.cli, stack) for each, stack in work.copies().items()}
    behind = {each: addresses for each, addresses in known.items() if addresses}
    if door is None or name not in behind:
        why = (
            f"{work.move.application} has no front door, so nothing leads to the copy by itself; "
            f"alto front {work.move.application} makes one"
            if door is None
            else f"the copy in {name} has no public address: the front door cannot lead to it"
        )
        if work.move.kind == "migrate" and work.move.home in behind:
            raise MoveFailed(f"{why}\n  The copy in {work.move.home} has one, and its clients would lose it.")
        work.note(why)
        return False
    # Who is owed an end stays outside; who is new comes last, and gets nothing yet.
    owed = {each.cloud for each in work.records.owed(work.move.application)}
    door.put({each: addresses for each, addresses in behind.items() if each not in owed})
    if not work.await_that(lambda: door.state().clouds[name].serving, work.world.times.serve):
        raise MoveFailed(f"the front door does not reach the copy in {name}")
    return True


def share(work: Work) -> None:
    """Traffic goes to all copies by their ready members."""
    if not open_door(work):
        return
    door = work.front
    assert door is not None
    behind = door.state().clouds
    shares = weights(work, {each: stack for each, stack in work.copies().items() if each in behind})
    if any(shares.values()):
        work.begin(door)
        door.share(shares)
    whole = sum(shares.values()) or 1
    told = ", ".join(f"{each} {100 * weight / whole:.0f} %" for each, weight in shares.items())
    work.say(f"the front door shares: {told}")
