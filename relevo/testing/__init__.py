"""A chat with an agent, without Kafka: say something, read the actions, move the clock.

    chat = Chat(greeter)
    chat.says("hola")
    assert chat.texts == ["Hola Ana, escribiste: hola"]

It runs the very code that the host runs: time-outs, limits, memory, silence after a hand-off, timers, transcript, the
stop of a loop. What an agent cannot handle raises `AgentFailed`, where the host would write a dead letter, with the
agent's own exception as its cause. The guide is docs/agents.md.
"""

from processors.agents.limits import AgentFailed, Limits
from relevo.testing.calls import Answers, answering
from relevo.testing.chat import Chat

__all__ = ["AgentFailed", "Answers", "Chat", "Limits", "answering"]
