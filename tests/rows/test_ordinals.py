from qrd.rows.ordinals import Ordinals


def test_each_text_has_one_number_in_the_order_of_first_use_through_every_growth():
    ordinals, expected = Ordinals(), {}
    texts = [f"q{number * 7919 % 5000}" for number in range(20_000)]
    for text in texts:
        assert ordinals.number(text) == expected.setdefault(text, len(expected))
    assert len(ordinals) == len(expected) == 5000


def test_an_id_takes_tens_of_bytes_however_long_it_is():
    import tracemalloc

    tracemalloc.start()
    ordinals = Ordinals()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(50_000):
        ordinals.number(f"{number:0200}")
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken < 30 * 50_000
