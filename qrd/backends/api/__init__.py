"""Models behind an API: OpenAI's protocol spoken here, every other provider through litellm.

Why it exists: all that is known of HTTP, of what providers send and refuse, and of what a call costs stands here. It
must not know of batches or of models on this machine.
"""
