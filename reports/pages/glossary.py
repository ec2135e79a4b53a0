"""The page `reports/glossary.md`: the words of this project, the field's and the papers' symbols."""

from collections.abc import Mapping

import architectures
from lightning_modules.budgets import BUDGETS
from reports.pages import markdown

OURS = {
    "architecture": "a network that is built by its name, as `densenet_bc`; one file a family in `architectures/`",
    "knob": "an argument of an architecture that its paper varies, as `--growth-rate`",
    "variant": "a row of a study: an architecture with its knobs, named as the paper names it (`32x4d`)",
    "study": "one table or ablation of a paper: variants, data sets, seeds, and the claims that they test",
    "cell": "a variant on one data set at one budget with one seed: what one run trains",
    "run": "one training; its id is a hash of its whole configuration",
    "record": "the line of JSON that a finished run leaves: configuration, errors, curve, commit, device and time",
    "budget": "how much of a recipe is spent: "
    + "; ".join(f"`{b.name}`, {b.meaning}" for b in BUDGETS.values()),
    "recipe": "how a paper trained: optimiser, schedule, augmentation, batch and initialisation, with its source",
    "did not start": "of a run: its first epoch's mean loss was above 2 ln(classes), or its training error ended within two "
    "points of chance; such a run enters no test, since it says something of its recipe and nothing of its network",
    "headline": "the error after the last epoch on the whole test set; never the best of a run",
    "printed": "as the paper has it, digit for digit; counts beside it are ours",
    "claim": "a sentence of the lecture notes or of a paper that can be tested; its id begins with its networks",
    "test of a claim": "how a study decides it: which rows have less error than which, by how much",
    "verdict": "what runs, counts or experiments say of a claim, at a budget, on a data set or machine",
    "so far as claimed": "a verdict of shortened trainings: it holds at that length, and decides nothing of the paper's",
    "experiment": "a claim decided with a stopwatch, or by looking into trained networks",
    "finding": "what an experiment found on one machine",
    "transfer": "a study on a data set for which its paper has no figures",
    "departure": "a place in which this project, the paper and the released code differ, with the reason",
    "by others": "what independent people published of the same networks; beside a verdict, never part of it",
    "programme": "the list of runs that was committed before them, with the rule by which each of its lines ends",
}
FIELD = {
    "ablation": "a comparison in which one part of a design is taken away or exchanged",
    "bottleneck": "a 1×1 convolution that lowers the number of channels before a costlier one",
    "cardinality": "the number of parallel paths of a ResNeXt block, its groups",
    "channel shuffle": "an exchange of channels between groups, so that the next group convolution mixes them",
    "confidence interval": "at 95 %: in brackets or after ±, by Student's t over seeds",
    "contrast": "a difference of means that a test asks about; taken seed by seed, as seeds share their batches",
    "depthwise convolution": "one filter for each channel; with a 1×1 convolution behind it, depthwise separable",
    "mult-adds": "multiplications, each with its addition, of one forward pass of one image; some papers call them FLOPs",
    "one crop": "a test image is seen once, its centre; `ten crops`: centre and corners, and all mirrored; `dense`: the "
    "network slides over the whole image",
    "protocol": "how a test image is shown to a network, and how often; errors of different protocols don't compare",
    "points": "the unit of a difference between two percentages",
    "shortcut": "a connection that skips layers: identity, zero-padded or a 1×1 projection",
    "squeeze-and-excitation": "weights for the channels, computed from their means",
    "stem": "the first layers, before the blocks; CIFAR's keeps the resolution, ImageNet's divides it by 4",
    "top-5 error": "the share of images whose class isn't among the five that the network finds most likely",
}
RHO = ["ρ", "`--resolution`", "mobilenet_v1", "the input's side over the data set's, in pixels here"]


def files() -> dict[str, bytes]:
    """Make the page, by its path below `reports/`."""
    page = markdown.page(
        "# Glossary",
        "## The project's words",
        _words(OURS),
        "## The papers' symbols",
        "A symbol that is a word is a flag of a run, too: `--alpha 0.25`, `--k 24`.",
        _symbols(),
        "## The field's words",
        _words(FIELD),
    )
    return {"glossary.md": page.encode()}


def _words(meanings: Mapping[str, str]) -> str:
    return markdown.bullets(
        [f'<a id="{_anchor(word)}"></a>**{word}**: {text}.' for word, text in meanings.items()]
    )


def _anchor(word: str) -> str:
    return word.replace(" ", "-")


def _symbols() -> str:
    """The symbol of every knob that has one, with the architectures that have it."""
    having: dict[tuple[str, str], list[architectures.Architecture]] = {}
    for architecture in architectures.catalogue().values():
        for knob in architecture.knobs.values():
            if knob.symbol:
                having.setdefault((knob.symbol, knob.name), []).append(architecture)
    rows = [
        [
            symbol,
            f"`--{name.replace('_', '-')}`",
            ", ".join(a.name for a in of),
            of[0].knobs[name].help.removesuffix("."),
        ]
        for (symbol, name), of in having.items()
    ]
    return markdown.table(
        ("symbol", "flag", "architectures", "meaning"), sorted([*rows, RHO], key=lambda row: row[0].lower())
    )
