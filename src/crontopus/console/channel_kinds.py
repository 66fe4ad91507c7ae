"""The kinds of channels as forms: which settings each has, and what stands beside them. Pure."""

from enum import Enum

from msgspec import Struct


class Shape(Enum):
    """How a field is typed."""

    TEXT = "text"
    NUMBER = "number"
    CHECK = "check"
    CHOICE = "choice"
    PAIRS = "pairs"
    LINES = "lines"


class Field(Struct, frozen=True, kw_only=True):
    """One of the settings, or of the templates: `of` says which. `secret`: it opens something and is never shown again.
    `choices`: (value, title) each.
    """

    name: str
    label: str
    hint: str = ""
    shape: Shape = Shape.TEXT
    secret: bool = False
    optional: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    of: str = "settings"

    @property
    def key(self) -> str:
        """Its name in the form, which has a name of its own, too."""
        return f"{self.of}-{self.name}"

    @property
    def pointer(self) -> str:
        """Where the API has it."""
        return f"/{self.of}/{self.name}"


class Way(Struct, frozen=True):
    """A kind of channel. The first of its `fields` that is no secret says where it goes. `templates`: what of its
    messages can be said in words of one's own. `package`: what must be installed before it is offered.
    """

    title: str
    fields: tuple[Field, ...]
    templates: tuple[Field, ...] = ()
    package: str = ""


NAMES = (
    *("state", "title", "summary", "kind", "class", "severity", "over", "got", "expected", "exit_code", "signal"),
    *("started", "took", "host", "revision", "owner", "at", "at_iso", "since", "since_iso", "tenant", "namespace"),
    *("job", "job_name", "agent", "tags", "labels", "output", "link", "links", "alert", "opening", "id"),
)
"""What a template sees, as the server has it: a test compares."""
WORDS = (
    Field(
        of="templates",
        name="title",
        label="First line",
        hint="In the place of ours, such as `{{ state }}: {{ job_name }} ({{ severity }})`.",
        optional=True,
    ),
    Field(
        of="templates",
        name="text",
        label="Text",
        hint="In the place of all that follows but the links.",
        shape=Shape.LINES,
        optional=True,
    ),
)
BODY = (
    Field(
        of="templates",
        name="body",
        label="Body",
        hint="In the place of ours. `{{ title | tojson }}` writes a value as JSON, with its quotes.",
        shape=Shape.LINES,
        optional=True,
    ),
    Field(
        of="templates",
        name="content_type",
        label="Type of the body",
        hint="Such as `application/json`, which it is if nothing stands here, or `text/plain`.",
        optional=True,
    ),
)


WAYS: dict[str, Way] = {
    "email": Way("E-mail", (Field(name="to", label="To", hint="The address it goes to."),), WORDS),
    "webhook": Way(
        "Webhook",
        (
            Field(name="url", label="Address", hint="Where alerts are posted to.", secret=True),
            Field(
                name="secret",
                label="Secret",
                hint="`whsec_` and 24 to 64 random bytes in base64 that the receiver knows; empty: unsigned.",
                secret=True,
                optional=True,
            ),
            Field(
                name="old_secret",
                label="Secret before",
                hint="The secret before, while receivers change over to the new one: both sign.",
                secret=True,
                optional=True,
            ),
            Field(
                name="headers",
                label="Headers",
                hint="Further headers, such as `Authorization`.",
                shape=Shape.PAIRS,
                secret=True,
                optional=True,
            ),
        ),
        BODY,
    ),
    "slack": Way(
        "Slack",
        (
            Field(name="token", label="Token", hint="The bot's token, which begins with `xoxb-`.", secret=True),
            Field(name="channel", label="Channel", hint="The channel's id, such as `C0123456789`, or its name."),
        ),
        WORDS,
    ),
    "slack_webhook": Way(
        "Slack (incoming webhook)",
        (
            Field(
                name="url",
                label="Address",
                hint="The webhook's address, which begins with `https://hooks.slack.com/services/`.",
                secret=True,
            ),
        ),
        WORDS,
    ),
    "teams": Way(
        "Microsoft Teams",
        (
            Field(
                name="url",
                label="Address",
                hint="The URL that the workflow gave when it was made: in Teams, Workflows, `Send webhook alerts to a "
                "channel`.",
                secret=True,
            ),
        ),
        WORDS,
    ),
    "discord": Way(
        "Discord",
        (
            Field(
                name="url",
                label="Address",
                hint="The webhook's URL: in Discord, under the channel's Integrations, Webhooks, Copy Webhook URL.",
                secret=True,
            ),
            Field(
                name="thread",
                label="Thread",
                hint="The id of the thread to write to: needed where the channel is a forum.",
                optional=True,
            ),
        ),
        WORDS,
    ),
    "telegram": Way(
        "Telegram",
        (
            Field(name="token", label="Token", hint="The bot's token, as @BotFather gave it.", secret=True),
            Field(
                name="chat",
                label="Chat",
                hint="The chat's id, such as `-1001234567890`, or the `@name` of a public channel or group.",
            ),
            Field(
                name="topic",
                label="Topic",
                hint="The id of the topic to write to, where the group has topics; 0: none.",
                shape=Shape.NUMBER,
                optional=True,
            ),
        ),
        WORDS,
    ),
    "matrix": Way(
        "Matrix",
        (
            Field(name="server", label="Server", hint="The homeserver, as `https://matrix.org`."),
            Field(name="token", label="Token", hint="The account's access token.", secret=True),
            Field(
                name="room",
                label="Room",
                hint="The room's id, which begins with `!`. The account must have joined it. It is written to in the "
                "clear, also where the room is encrypted.",
            ),
        ),
        WORDS,
    ),
    "mattermost": Way(
        "Mattermost",
        (
            Field(
                name="url",
                label="Address",
                hint="The webhook's URL: in Mattermost, under Integrations, Incoming Webhooks.",
                secret=True,
            ),
            Field(
                name="channel",
                label="Channel",
                hint="The name of another channel than the webhook's, as it stands in its address.",
                optional=True,
            ),
        ),
        WORDS,
    ),
    "rocketchat": Way(
        "Rocket.Chat",
        (
            Field(
                name="url",
                label="Address",
                hint="The webhook URL: in Rocket.Chat, under Workspace, Integrations, Incoming.",
                secret=True,
            ),
            Field(
                name="channel",
                label="Channel",
                hint="Another `#channel` or `@person` than the integration's.",
                optional=True,
            ),
        ),
        WORDS,
    ),
    "googlechat": Way(
        "Google Chat",
        (
            Field(
                name="url",
                label="Address",
                hint="The webhook's URL, with its key and token: in Google Chat, under the space's Apps & "
                "integrations, Webhooks.",
                secret=True,
            ),
        ),
        WORDS,
    ),
    "zulip": Way(
        "Zulip",
        (
            Field(name="site", label="Site", hint="The organization, as `https://acme.zulipchat.com`."),
            Field(name="email", label="Email", hint="The bot's e-mail address."),
            Field(name="key", label="Key", hint="The bot's API key.", secret=True),
            Field(name="channel", label="Channel", hint="The name of the channel to write to, without `#`."),
            Field(
                name="topic",
                label="Topic",
                hint="One topic for everything, in the place of one for each job.",
                optional=True,
            ),
        ),
        WORDS,
    ),
    "ntfy": Way(
        "ntfy",
        (
            Field(
                name="topic", label="Topic", hint="The topic. Without an account, its name is a secret.", secret=True
            ),
            Field(name="server", label="Server", hint="The server, as `https://ntfy.sh`.", optional=True),
            Field(
                name="token",
                label="Token",
                hint="An access token, as `tk_…`; or a user and a password.",
                secret=True,
                optional=True,
            ),
            Field(name="user", label="User", hint="The user, without a token.", optional=True),
            Field(name="password", label="Password", hint="The user's password.", secret=True, optional=True),
        ),
        WORDS,
    ),
    "gotify": Way(
        "Gotify",
        (
            Field(name="server", label="Server", hint="The server, as `https://push.example.org`."),
            Field(name="token", label="Token", hint="The token of the application, not of a client.", secret=True),
        ),
        WORDS,
    ),
    "pushover": Way(
        "Pushover",
        (
            Field(name="token", label="Token", hint="The API token of the application.", secret=True),
            Field(name="user", label="User", hint="The key of the user or group.", secret=True),
            Field(
                name="device", label="Device", hint="Names of devices, if not all; with commas between.", optional=True
            ),
            Field(
                name="emergency",
                label="Emergency",
                hint="What is critical repeats until somebody acknowledges it in Pushover, or it is over.",
                shape=Shape.CHECK,
                optional=True,
            ),
            Field(
                name="retry_seconds",
                label="Repeat every (seconds)",
                hint="How often an emergency repeats.",
                shape=Shape.NUMBER,
                optional=True,
            ),
            Field(
                name="expire_seconds",
                label="Repeat for at most (seconds)",
                hint="How long an emergency repeats at most.",
                shape=Shape.NUMBER,
                optional=True,
            ),
        ),
        WORDS,
    ),
    "twilio": Way(
        "Twilio",
        (
            Field(name="account", label="Account", hint="The account's SID."),
            Field(name="token", label="Token", hint="The account's auth token, or the secret of a key.", secret=True),
            Field(
                name="sender",
                label="Sender",
                hint="The number it comes from, as `+15551234567`; for text messages also the SID of a messaging "
                "service, or a name.",
            ),
            Field(name="to", label="To", hint="The number to reach, as `+15557654321`."),
            Field(name="key", label="Key", hint="The SID of an API key, if `token` is its secret.", optional=True),
            Field(
                name="monthly",
                label="At most in a month",
                hint="So many texts and calls in a month at most: each costs money.",
                shape=Shape.NUMBER,
                optional=True,
            ),
            Field(
                name="voice",
                label="Voice",
                hint="Calls, and speaks. What is over or acknowledged is still sent as text: it can wait.",
                shape=Shape.CHECK,
                optional=True,
            ),
        ),
        WORDS,
    ),
    "pagerduty": Way(
        "PagerDuty",
        (
            Field(
                name="routing_key", label="Routing key", hint="The integration key: 32 letters and digits.", secret=True
            ),
            Field(
                name="region",
                label="Region",
                hint="`us`, or `eu` for accounts of the EU service region.",
                shape=Shape.CHOICE,
                choices=(("us", "US"), ("eu", "EU")),
                optional=True,
            ),
        ),
    ),
    "opsgenie": Way(
        "Opsgenie",
        (
            Field(name="api_key", label="API key", hint="The integration's API key.", secret=True),
            Field(
                name="region",
                label="Region",
                hint="`us`, or `eu` for accounts of the EU.",
                shape=Shape.CHOICE,
                choices=(("us", "US"), ("eu", "EU")),
                optional=True,
            ),
        ),
    ),
    "alertmanager": Way(
        "Alertmanager",
        (
            Field(
                name="url", label="Address", hint="Where Alertmanager is, such as `https://alertmanager.example.org`."
            ),
            Field(name="user", label="User", hint="For HTTP basic.", optional=True),
            Field(name="password", label="Password", hint="For HTTP basic.", secret=True, optional=True),
            Field(name="token", label="Token", hint="Bearer token; empty: none.", secret=True, optional=True),
            Field(
                name="labels",
                label="Labels",
                hint="Further labels of every alert, for its routes.",
                shape=Shape.PAIRS,
                optional=True,
            ),
        ),
    ),
    "issues": Way(
        "GitHub or Forgejo issues",
        (
            Field(name="repository", label="Repository", hint="The repository, as `owner/name`."),
            Field(
                name="token",
                label="Token",
                hint="An access token that may read and write issues of the repository, of an account that may push.",
                secret=True,
            ),
            Field(
                name="url",
                label="Address",
                hint="Where the API is: of Forgejo, its address and `/api/v1`.",
                optional=True,
            ),
            Field(
                name="forge",
                label="Forge",
                hint="Which of the two it is.",
                shape=Shape.CHOICE,
                choices=(("github", "GitHub"), ("forgejo", "Forgejo")),
                optional=True,
            ),
            Field(name="label", label="Label", hint="The label that every issue gets.", optional=True),
        ),
        WORDS,
    ),
    "apprise": Way(
        "Apprise",
        (
            Field(
                name="urls",
                label="URLs",
                hint="URLs of Apprise, such as `discord://…`, with blanks between.",
                secret=True,
            ),
        ),
        WORDS,
        package="apprise",
    ),
    "log": Way("Log file", (Field(name="name", label="Name", hint="The file's name, without its ending `.jsonl`."),)),
}
"""The kinds as the server knows them: a test compares."""
