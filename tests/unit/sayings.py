"""Every phrase that Claude IPC MCP documents, with what it asks for; and sentences that only look like one."""

from __future__ import annotations

# Those of its README and of its page on natural language; X is fred, N is 7, and `…` is a text.
PHRASES: dict[str, tuple[str, ...]] = {
    # register
    "Register this instance as fred": ("register", "fred"),
    "Register this instance as claude": ("register", "claude"),
    "Register this instance as rose": ("register", "rose"),
    "Register as fred": ("register", "fred"),
    "I want to be called fred": ("register", "fred"),
    "My name is fred": ("register", "fred"),
    "Call me fred": ("register", "fred"),
    # send
    "Send a message to fred: the build is green": ("send", "fred", "the build is green"),
    "Send a message to fred: Hey, need help with this React component": (
        "send",
        "fred",
        "Hey, need help with this React component",
    ),
    "Send a message to claude: Hey, can you help with this?": ("send", "claude", "Hey, can you help with this?"),
    "Send message to fred: the build is green": ("send", "fred", "the build is green"),
    "Send to fred: the build is green": ("send", "fred", "the build is green"),
    "Send to nessa: Welcome to the team! I'm Barney, the troubleshooter.": (
        "send",
        "nessa",
        "Welcome to the team! I'm Barney, the troubleshooter.",
    ),
    "send to claude: hello": ("send", "claude", "hello"),
    "msg fred: the build is green": ("send", "fred", "the build is green"),
    "msg claude: hello": ("send", "claude", "hello"),
    "msg barney: The database migration is complete": ("send", "barney", "The database migration is complete"),
    "msg claude: [20KB of debug logs] and a word": ("send", "claude", "[20KB of debug logs] and a word"),
    "tell fred: the build is green": ("send", "fred", "the build is green"),
    "message fred: the build is green": ("send", "fred", "the build is green"),
    "msg fred about the build": ("send", "fred", "about the build"),
    "msg fred hello": ("send", "fred", "hello"),
    "tell fred the build is green": ("send", "fred", "the build is green"),
    "tell fred that the build is green": ("send", "fred", "that the build is green"),
    "tell fred about the build": ("send", "fred", "about the build"),
    "tell fred need help": ("send", "fred", "need help"),
    "send fred a message to review the build": ("send", "fred", "to review the build"),
    "message fred that the build is green": ("send", "fred", "that the build is green"),
    "send a message to fred asking how the build is": ("send", "fred", "asking how the build is"),
    # check
    "check messages": ("check",),
    "check my messages": ("check",),
    "Check my messages": ("check",),
    "msgs?": ("check",),
    "messages?": ("check",),
    "any messages?": ("check",),
    "any new messages?": ("check",),
    "do I have messages?": ("check",),
    "what messages do I have?": ("check",),
    # list
    "list instances": ("list",),
    "list all instances": ("list",),
    "List all IPC instances": ("list",),
    "who's online?": ("list",),
    "show active instances": ("list",),
    "show active AIs": ("list",),
    "show who's connected": ("list",),
    "which AIs are active?": ("list",),
    # broadcast
    "broadcast: team meeting in 5": ("broadcast", "team meeting in 5"),
    "broadcast to all: the build is green": ("broadcast", "the build is green"),
    "tell everyone: the build is green": ("broadcast", "the build is green"),
    "send to all: the build is green": ("broadcast", "the build is green"),
    "message everyone about the build": ("broadcast", "about the build"),
    # rename
    "rename to fred-debugging": ("rename", "fred-debugging"),
    "rename myself to fred": ("rename", "fred"),
    "change my name to fred": ("rename", "fred"),
    "I want to be called fred now": ("rename", "fred"),
    # auto-check
    "start auto checking": ("auto-check", "start"),
    "Start auto checking 7": ("auto-check", "start", "7"),
    "start auto checking every 7 minutes": ("auto-check", "start", "7"),
    "enable auto check with 7 minute interval": ("auto-check", "start", "7"),
    "turn on auto checking for 7 minutes": ("auto-check", "start", "7"),
    "auto check messages every 7 min": ("auto-check", "start", "7"),
    "stop auto checking": ("auto-check", "stop"),
    "disable auto check": ("auto-check", "stop"),
    "turn off auto checking": ("auto-check", "stop"),
    "no more auto checks": ("auto-check", "stop"),
    "is auto checking on?": ("auto-check", "status"),
    "auto check status": ("auto-check", "status"),
    "how often are we auto checking?": ("auto-check", "status"),
    "when's the next auto check?": ("auto-check", "status"),
    "What happened with auto-check?": ("auto-check", "log"),
    # the last message shown
    "reply: got it": ("reply", "@", "got it"),
    "forward to fred": ("forward", "@", "fred"),
}

# The one phrase of the list that has no act here: there are no groups.
GROUP = "msg the frontend team about the build"

# Case, blanks and punctuation that change nothing.
VARIANTS: dict[str, tuple[str, ...]] = {
    "TELL FRED: Hi": ("send", "fred", "Hi"),
    "  tell   Fred :  two blanks, one is text": ("send", "fred", " two blanks, one is text"),
    "tell @fred: hi": ("send", "fred", "hi"),
    "msg fred:\n    indented\n": ("send", "fred", "    indented\n"),
    "msg fred:\r\nDOS\r\n": ("send", "fred", "DOS\r\n"),
    'tell fred: "quoted"': ("send", "fred", '"quoted"'),
    "tell fred: don't send it": ("send", "fred", "don't send it"),
    "tell fred: tell barney: hi": ("send", "fred", "tell barney: hi"),
    "tell fred: --json": ("send", "fred", "--json"),
    "tell fred: $(id) `id` ; rm": ("send", "fred", "$(id) `id` ; rm"),
    "tell fred\tsee you": ("send", "fred", "see you"),
    "Any new messages ??": ("check",),
    "check messages.\n": ("check",),
    "Who\u2019s online": ("list",),
    "Register as Fred!": ("register", "fred"),
    "start autochecking every 7min": ("auto-check", "start", "7"),
    "auto-check status": ("auto-check", "status"),
    "tell everybody: hi": ("broadcast", "hi"),
}

# None of these may send anything, whoever exists: fred and barney do, and so do check, tell, sent and x.
NEAR_MISSES = [
    # nothing, and placeholders
    "", " \n\t", "tell fred", "tell fred:", "tell fred:   ", "msg fred", "send a message to fred", "tell fred: …",
    "tell fred: ...", "tell fred: <text>", "tell fred: [your message]", "tell fred: -", "send to X: hello",
    "msg X hello", "tell name: hello", "broadcast:", "broadcast: …", "send to all:", "reply:", "reply: ...",
    'tell fred: ""', "tell fred: ''", "reply: your message here", "broadcast: TEXT", "tell fred: {{message}}",
    # negations
    "don't send a message to fred: hi", "do not tell fred: hi", "never message everyone about it",
    "no need to tell fred the build is green", "stop telling fred about it", "tell fred nothing", "tell nobody: hi",
    # questions
    "did you send a message to fred?", "should I tell fred: hi?", "who told fred that the build is green?",
    "can you message fred that it is done?", "have you broadcast: it is green?", "what did fred reply: got it?",
    # messages about messages
    "message to fred: hi", "the message to fred: hi", "message from fred: hi", "fred says: tell barney hi",
    "I will tell fred: hi", "fred wants to send a message to barney: hi", "message received from fred",
    "message sent: hi", "messages from fred: 3", "he said msg fred hello", "check messages from fred",
    # quoted
    '"tell fred: hi"', "'msg fred hello'", "`broadcast: hi`", "> tell fred: hi", "- tell fred: hi", "# msg fred: hi",
    "$ mipc send fred hi", "mipc send fred hi", "/msg fred hi",
    # names that are words or verbs
    "tell check the build is green", "tell check: hi", "msg tell: hi", "tell tell hello", "message check that it runs",
    "send to send: hi", "message all about it", "tell me about fred", "tell us the state", "message sent that it is",
    # not one name
    GROUP, "tell the team: hi", "tell fred and barney: hi", "msg fred, barney: hi", "send to fred,barney: hi",
    "tell fred, hi", "tell fred's agent: hi", "tell fred barney: hi", "tell fred not barney: hi", "tell ../fred: hi",
    "tell -fred: hi", f"tell {'f' * 33}: hi", "tell fr\u00e9d: hi", "tell system: hi", "tell fred@ipc.invalid: hi",
    # conditions and times
    "tell fred when the build is done", "msg fred if it fails", "tell fred later", "message fred tomorrow about it",
    "send a message to fred when it is done: green", "tell everyone when it is done",
    "tell fred assuming it works", "tell fred provided it is green", "tell fred eventually", "tell fred next week",
    "msg fred asap",
    # no order, and no name
    "stop auto checking?", "start auto checking?", "register as fred?", "rename to fred?", "forward to fred?",
    "call me maybe", "my name is unknown", "call me crazy", "I want to be called whatever",
    # a name that is the subject of a sentence
    "tell barney is late", "msg fred failed", "tell fred was not here", "tell barney has the build",
    # nobody is called so, and no colon
    "tell nessa hello", "msg nobody-here about the build",
    # addresses, and pasted logs
    "message localhost:8080 is down", "msg http://example.invalid/", "tell fred:8080 is closed",
    "2026-01-06 14:30 send to fred: timed out", "[INFO] broadcast: 3 nodes", "ERROR message queue: full",
    "INFO sending\nsend to fred: ok\n", "message queue: 5", "message id: 17", "Message delivered to fred",
    "msg fred hello\nTraceback (most recent call last)", "tell fred the log says\nmsg barney: hi",
    # two in one
    "tell fred hello; tell barney bye", "tell fred hello & broadcast bye", "tell fred hello then check my messages",
    "tell fred hi, and let barney know too",
    "tell fred hello and tell barney bye", "msg fred hello, then register as bob", "tell fred hi and also msg barney",
    "tell fred: hi\ntell barney: secret", "msg fred:\nhi\nbroadcast: hi", "broadcast: hi\nreply: got it",
    # what only looks like it
    "\u017fend to fred: hi", "tell\u00a0fred: hi", "tell fred\uff1a hi", "\u202etell fred: hi", "tell\nfred: hi",
    "reply got it", "reply to fred: got it", "forward to fred: look", "forward to fred and barney", "forward fred",
    "forward to X", "please tell fred: hi", "sned to fred: hi", "broadcast everything", "send everything to fred",
]  # fmt: skip
