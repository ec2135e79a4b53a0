"""How much of a recipe is spent. Figures of different budgets never share a column of a report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """A cut of a recipe; None means "as the recipe says" or "all of them"."""

    name: str
    meaning: str
    epochs: int | None = None
    train_images: int | None = None  # a fixed subset, the same share of every class
    curve_test_images: int | None = None  # test images of the per-epoch curve; the headline always takes all


BUDGETS: dict[str, Budget] = {
    budget.name: budget
    for budget in (
        Budget("paper", "the recipe as printed"),
        Budget("short", "the whole data set, the schedule compressed to 30 epochs", epochs=30),
        Budget(
            "mini",
            "the whole data set, the schedule compressed to 8 epochs",
            epochs=8,
            curve_test_images=1_000,
        ),
        Budget(
            "smoke",
            "a fixed subset, minutes on two CPU cores; shows that the path works",
            epochs=4,
            train_images=2_500,
            curve_test_images=500,
        ),
    )
}
