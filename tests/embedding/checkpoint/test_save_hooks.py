"""What is done before a save, and how a function knows what it is traced for."""

import tensorflow as tf

from shardline.embedding.checkpoint.save_hooks import call_before_saving, is_exporting


class Counter(tf.Module):
    """Counts how often a checkpoint began to save it."""

    def __init__(self):
        super().__init__()
        self.value = tf.Variable(0)


call_before_saving(Counter, lambda counter: counter.value.assign_add(1))


def test_action_is_done_before_the_values_are_saved(tmp_path):
    saved = Counter()
    prefix = tf.train.Checkpoint(counter=saved).write(str(tmp_path / "step"))
    restored = Counter()
    tf.train.Checkpoint(counter=restored).read(prefix).assert_consumed()
    assert (int(saved.value), int(restored.value)) == (1, 1)


def test_action_is_not_done_by_a_restore(tmp_path):
    prefix = tf.train.Checkpoint(counter=Counter()).write(str(tmp_path / "step"))
    other = Counter()
    tf.train.Checkpoint(counter=other).read(prefix)
    assert int(other.value) == 1


def test_export_is_told_from_other_traces(tmp_path):
    found = []

    @tf.function(input_signature=[])
    def answer():
        found.append(is_exporting())
        return tf.constant(1)

    answer()
    module = tf.Module()
    module.answer = answer
    tf.saved_model.save(module, str(tmp_path / "model"))
    assert found[0] is False
    assert found[-1] is True
    assert not is_exporting()
