"""What the harness's server of processes loads once: the command line, its stages, litellm and its client.

No call is made here: an event loop or a thread would not survive the fork.
"""

import aiohttp
import openai.resources.chat.completions

import qrd.backends.api.backend
import qrd.backends.api.by_litellm
import qrd.backends.api.direct
import qrd.cli
import qrd.stages.eval.run
import qrd.stages.generate
import qrd.stages.judge.run
from qrd.backends.api import prices

LOADED = (openai.resources.chat.completions, aiohttp, qrd.cli, qrd.stages, prices.litellm())
