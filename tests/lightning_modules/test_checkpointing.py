"""When the processes of a run ask each other whether one of them is to stop."""

from types import SimpleNamespace

import pytest
import torch

from lightning_modules.callbacks.checkpointing import ASKED_EVERY, StopOnSigterm


class Strategy:
    root_device = torch.device("cpu")

    def __init__(self) -> None:
        self.asked = 0

    def reduce(self, wanted, reduce_op):
        self.asked += 1
        return wanted + 1  # the other process is to stop


@pytest.mark.parametrize(("world_size", "stops"), [(2, [0, ASKED_EVERY]), (1, [])])
def test_several_processes_ask_now_and_then_and_one_never(monkeypatch, world_size, stops):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    stopping = StopOnSigterm()
    progress = SimpleNamespace(is_last_batch=False)
    connector = SimpleNamespace(received_sigterm=False)
    trainer = SimpleNamespace(
        world_size=world_size,
        strategy=Strategy(),
        _signal_connector=connector,
        fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress)),
    )
    stopped = []
    for batch in range(ASKED_EVERY + 3):
        connector.received_sigterm = False
        stopping.on_train_batch_end(trainer, None, None, None, batch)
        stopped += [batch] * connector.received_sigterm
    assert stopped == stops and trainer.strategy.asked == len(stops)
    connector.received_sigterm = False
    stopping.on_train_epoch_end(trainer, None)  # however many batches the epoch had
    assert connector.received_sigterm is (world_size > 1)
