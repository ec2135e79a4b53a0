"""The words of a verdict, and their marks. A shortened training's words say so themselves."""

REPRODUCED, CONTRADICTED, INCONCLUSIVE = "reproduced", "contradicted", "inconclusive"
# Counted or timed: what is said holds, and the figure that is printed for it is another.
SENSE = "sense reproduced, figure differs"
# At the budgets `short` and `mini`: at that length, nothing of the paper's.
SO_FAR, SO_FAR_AGAINST, OPEN = "so far as claimed", "so far against", "open"
# All parts that have been run are as claimed, others haven't been.
PARTLY = "partly"
NOT_RUN, DIFFERS = "not run", "differs by place"

MARKS = {
    REPRODUCED: "✅", SENSE: "☑️", CONTRADICTED: "❌", INCONCLUSIVE: "❓",
    SO_FAR: "➕", SO_FAR_AGAINST: "➖", OPEN: "〰️", PARTLY: "🔸", DIFFERS: "🔀", NOT_RUN: "⬜",
}  # fmt: skip
# A claim of several parts stands as the weakest of them does.
WEAKEST_FIRST = (
    CONTRADICTED, DIFFERS, SO_FAR_AGAINST, INCONCLUSIVE, OPEN, PARTLY, SO_FAR, SENSE, REPRODUCED,
)  # fmt: skip
HOLDING = {REPRODUCED, SENSE, SO_FAR}
# What a check or an experiment decides.
OF_OUTCOME = {True: REPRODUCED, False: CONTRADICTED, None: INCONCLUSIVE, "sense": SENSE}


def of_trained(decision: str, budget: str) -> str:
    """Return the word for a decision, "as claimed", "against" or "open", on trainings of a budget."""
    paper = {"as claimed": REPRODUCED, "against": CONTRADICTED, "open": INCONCLUSIVE}
    shortened = {"as claimed": SO_FAR, "against": SO_FAR_AGAINST, "open": OPEN}
    return (paper if budget == "paper" else shortened)[decision]
