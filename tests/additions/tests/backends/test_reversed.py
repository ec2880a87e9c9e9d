from qrd.backends import BackendSettings, Request, open_backend


def test_a_reply_is_the_last_message_backwards():
    request = Request(key="a", messages=({"role": "user", "content": "abc"},))
    (reply,) = open_backend("reversed:x", BackendSettings()).complete([request])
    assert reply.text == "cbax"
