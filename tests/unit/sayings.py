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

# Ordinary messages, by what stands before the text; the first four without a colon are to fred.
ORDINARY: dict[str, list[str]] = {
    "tell fred ": [
        "hello world", "the tests passed on main", "that the build failed again", "that barney is away",
        "that barney said hello", "about barney", "about the failed run", "to review the pull request",
        "to ask barney", "I merged it", "I'm done with the review", "it failed again", "we are ready to go",
        "you can merge now", "there is a new release", "my branch is ready", "this is the last one",
        "let us meet at five", "need a review of main.py, the rest is fine", "here is the log", "run the tests again",
        "check the failed job", "the release is tomorrow", "ping me when it is done", "let me know if it works",
        "need help with the failed run", "the nightly run is red, main is fine",
    ],
    "msg fred ": [
        "hello there", "can you review this?", "could you look at the log", "do you have a minute?",
        "what time is lunch?", "how are you?", "thanks for the quick fix", "thanks", "yes", "no", "ok", "good morning",
        "lunch at noon?", "standup in 5 minutes", "see you tomorrow", "sorry, I broke main", "don't merge yet",
        "look at /tmp/build/log.txt", "\U0001f44d", "wait", "stop", "it costs 1,000", "hello, fred",
    ],
    "send a message to fred ": [
        "asking if the run is green", "asking how barney is", "saying hello", "that it works, thanks",
    ],
    "message fred ": ["about lunch", "to come at five"],
    # A colon marks the text, so it may say what it likes.
    "tell fred: ": [
        "never mind", "please don't send it", "passed", "says hi", "barney hi", "tell barney hello",
        "hi and barney too", "hi, tell barney too", "if it fails, tell barney", "that", "failed", "tomorrow",
        "please don't forget it", "he said never mind", "don't worry, it is fine", '"never mind" is rude',
        "please, tell barney: hi", "it is done, don't merge it", "it is a false alarm, ignore it",
    ],
    "reply: ": ["never mind", "no", "thanks, don't worry", "on it", "yes, merge it", "don't", "no wait"],
    "broadcast: ": ["nothing to do", "the deploy is cancelled", "fred and barney are away"],
}  # fmt: skip

# None of these may send anything, whoever exists: fred, barney, build, db and nightly do; so do check, tell, sent, x.
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
    # forwarding for a name that nobody has: `production` is a place
    "forward to production", "forward it to nessa", "forward that to production!", "forward it", "forward this",
    "forward to everyone", "forward it to fred, never mind",
    # what is taken back
    "tell barney hello, actually don't", "msg fred hello (do not send)", "msg fred hello, never mind",
    "tell fred hi - no wait, cancel that", "tell fred hello... don't", "tell fred hello. Actually, don't.",
    "tell fred hello, I changed my mind", "tell fred hello or not", "tell fred hello not", "tell fred hi, don't",
    "tell fred hi, oops, wrong person", "tell fred hi, should I?", "tell fred hello, or should I?", "tell fred don't",
    "msg fred hello, but not yet", "tell fred never mind", "tell fred hello (draft)", "tell fred hello [cancelled]",
    "msg fred hello, never mind, I'll do it", "tell fred hello but don't send it yet", "tell fred hello nevermind",
    "message everyone about lunch, never mind", "tell fred hello, on second thoughts no",
    # after a colon too, where it is evident
    "tell fred: hello, never mind", "tell fred: hi. Never mind!", "tell fred: hello (do not send)",
    "reply: got it - no wait, cancel that", "broadcast: deploy at 5, scratch that", "tell fred: hello\n\nnever mind",
    "broadcast: lunch. Don\u2019t send this yet.", "tell everyone: hi, actually no", "tell fred: hello actually don't",
    "tell fred: hi, never mind :)", "tell fred: hi \u2014 nvm", "tell fred: hi\u2026 never mind, sorry",
    "tell fred: hello NEVER MIND", f"tell fred: {'log ' * 500}, never mind",
    # a second phrase
    "tell barney hi. tell fred bye", "tell fred hi, message barney too", "tell fred hi / msg barney bye",
    "tell fred hi/msg barney bye", "tell fred hi tell barney bye", "tell fred hi - tell barney bye",
    "tell fred hi \u2013 msg barney bye", "tell fred hi (and msg barney)", "tell fred hi! Tell barney bye",
    "tell fred hi. then please tell barney bye", "tell fred hi; ping barney", "tell fred hi, ask barney as well",
    "tell fred hi. check messages", 'tell fred "hi" "tell barney bye"', "tell fred tell barney hi",
    "tell fred hi, actually tell barney", "tell fred hi. can you message barney", "tell fred hi, or broadcast it",
    "tell fred: hi. tell barney: bye", "tell fred: hi; msg barney: bye", "tell fred: hi / msg barney: bye",
    "tell fred: hi. And then tell barney: bye", "broadcast: hi! reply: got it",
    # a second name
    "tell fred barney hi", "tell fred hi, barney too", "tell fred hi and barney bye", "tell fred hi barney",
    "tell fred hello, I mean barney", "tell fred hi @barney", "tell fred & barney hi", "tell fred to barney hi",
    "tell fred everyone hi", "tell fred hi, everyone else bye", "tell fred hi cc barney", "tell fred or barney hi",
    "tell barney hello, oops I meant fred", "tell fred hi instead of barney", "tell fred hi as well as barney",
    "msg fred barney: hi", "send fred and barney a message: hi", "message fred or barney about it",
    # the name is the subject, or its first word
    "tell build passed", "msg fred replied yesterday\u2026", "tell fred says hi", "msg db locked",
    "tell nightly build failed", "msg db down", "tell db is down", "tell build sent", "msg fred sent the logs",
    "tell nightly build is red", "tell nightly build on main failed", "tell nightly build of the app failed",
    "tell nightly build never passed", "tell fred already replied", "tell fred just said hi", "tell build just passed",
    "msg db restarting", "tell build flakes", "tell fred owns the log", "tell build - passed", "tell fred went home",
    "msg fred got it", "tell db can't start", "tell fred probably left", "tell db connection lost",
    "tell build won't start", "tell db no longer works", "tell fred cancels lunch", "tell build hit a limit",
    # no text
    "tell fred that", "tell fred about", "send a message to fred that ", "send a message to fred about ",
    "tell fred that it", "tell fred about it", "tell fred to", "tell fred the", "tell fred this", "tell fred yourself",
    "message fred about something", "message everyone about ", "tell fred personally", "tell fred ?",
    # what to say is left to somebody
    "tell fred what happened", "tell fred why it failed", "tell fred who I am", "tell fred how to fix it",
    # not now, or not surely
    "if the build fails tell fred", "if the build fails, tell fred: it is red", "when done, msg fred hello",
    "tomorrow tell fred hello", "later: tell fred hi", "tell fred hello if the build fails", "msg fred hi tomorrow",
    "tell fred hello when he is back", "msg fred hello later", "tell fred hello in 10 minutes", "tell fred hello twice",
    "tell fred hello after lunch", "tell fred the run is red, but only if it is", "tell fred the run is red, later",
    "tell fred the run is red unless it is not", "tell fred never", "tell fred yesterday",
    # reported, asked, wished
    "I told fred hello", "should I tell fred hello", "should I tell fred hello?", "let me tell fred hello",
    "you should tell fred: hi", "barney said to tell fred: hi", '"tell fred: hi", he said', 'he wrote "msg fred hello"',
    "telling fred: hi", "told fred: hi", "tells fred: hi", "I would tell fred: hi", "could you tell fred: hi",
    "why tell fred hello", "what if I tell fred: hi", "did fred tell barney hi", "who will tell fred: hi",
    "example: tell fred: hi", "1. tell fred: hi", "to tell fred: hi", "never tell fred: hi", "not tell fred: hi",
    "without telling fred: hi", "undo: tell fred: hi", "cancel tell fred: hi",
    # nobody, or nothing
    "broadcast nothing", "tell everyone nothing", "tell everybody hello", "message nobody about it",
    "reply to fred: x", "reply fred: x", "reply nothing", "tell them: hi", "tell him hello", "tell my agent hello",
    "tell fred off", "tell fred apart from barney", "fred: tell barney hi", "@fred tell barney: hi",
]  # fmt: skip
