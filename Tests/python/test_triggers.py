"""What starts a function."""

import inngest

from suite.app import Functions

functions = Functions()


@functions.function(
    lambda app: {"trigger": [inngest.TriggerEvent(event=app.event("one")), inngest.TriggerEvent(event=app.event("two"))]}
)
async def several(ctx):
    return ctx.event.name


@functions.function(
    lambda app: {"trigger": inngest.TriggerEvent(event=app.event("if"), expression="event.data.plan == 'pro'")}
)
async def only_pro(ctx):
    return ctx.data


@functions.function(
    lambda app: {
        "trigger": [
            inngest.TriggerEvent(event=app.event("either"), expression="event.data.n < 0"),
            inngest.TriggerEvent(event=app.event("either"), expression="event.data.n > 10 && event.data.n < 20"),
        ]
    }
)
async def either(ctx):
    return ctx.data["n"]


@functions.function(lambda app: {"trigger": inngest.TriggerEvent(event=app.event("wild/*"))})
async def wild(ctx):
    return ctx.event.name


@functions.function(lambda app: {"trigger": inngest.TriggerEvent(event=app.event("fan"))})
async def fan_one(ctx):
    return "one"


@functions.function(lambda app: {"trigger": inngest.TriggerEvent(event=app.event("fan"))})
async def fan_two(ctx):
    return "two"


@functions.function(lambda app: {"trigger": inngest.TriggerCron(cron="TZ=Europe/Paris 0 9 * * 1-5")})
async def mornings(ctx):
    return None


def none_started(app, *events):
    """None of the events has started anything by the time a later one has."""
    app.runs(app.send("one"))[0].completed()
    return all(app.api.runs_of_event(event) == [] for event in events)


def test_several_triggers(app):
    outputs = [app.runs(app.send(name))[0].completed() for name in ("one", "two")]

    assert outputs == [app.event("one"), app.event("two")]


def test_an_expression(app):
    yes = app.send("if", {"plan": "pro"})
    no = [app.send("if", data) for data in ({"plan": "free"}, {}, {"plan": None}, {"plan": ["pro"]})]

    assert app.runs(yes)[0].completed() == {"plan": "pro"}
    assert none_started(app, *no)


def test_two_expressions_for_one_event(app):
    yes = [app.send("either", {"n": n}) for n in (-1, 15)]
    no = [app.send("either", {"n": n}) for n in (0, 10, 20)]

    assert [app.runs(event)[0].completed() for event in yes] == [-1, 15]
    assert none_started(app, *no)


def test_wildcards(app):
    yes, no = app.send("wild/thing"), app.send("wilder")

    assert app.runs(yes)[0].completed() == app.event("wild/thing")
    assert none_started(app, no)


def test_one_event_for_two_functions(app):
    runs = app.runs(app.send("fan"), 2)

    assert sorted(run.completed() for run in runs) == ["one", "two"]


def test_nobody_listens(app):
    assert none_started(app, app.send("nobody-listens"))
