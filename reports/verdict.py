"""The result in words that the numbers bear out: what was found, how it stands to the reference, how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..search_spaces.quantity import format_count
from .cost_axis import CostAxis, units
from .measure import Measure, limits, measure, network_name, plus_minus, proper_name
from .run import Rated, Run

ONCE = "one training each, not confirmed: seeds scatter besides"
ALIKE = 0.005  # differences that are printed as 0.00
SAME_COST = 0.05  # relative; more than this is said in the headline


@dataclass(frozen=True)
class Verdict:
    """headline: one sentence. details: sentences on how sure it is."""

    headline: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """Of two accuracies. points: first minus second; sigma: its standard deviation if both are known, independent."""

    points: float
    sigma: float | None

    @property
    def deviations(self) -> float | None:
        """How many standard deviations, without the sign."""
        return None if not self.sigma else abs(self.points) / self.sigma

    def sureness(self) -> str:
        deviations = self.deviations
        if deviations is None:
            return "no standard deviation is known, so it is not a proven difference"
        if deviations < 1:
            return "within one standard deviation, so not a proven difference"
        if deviations < 2:
            return "between one and two standard deviations, so not a proven difference"
        if self.points < 0:
            return "more than two standard deviations, so a clear difference"
        return "more than two standard deviations, for a training to confirm"


def difference(first: Rated, second: Rated) -> Difference:
    stds = (first.accuracy_std, second.accuracy_std)
    sigma = None if stds[0] is None or stds[1] is None else math.hypot(stds[0], stds[1])
    return Difference(first.accuracy - second.accuracy, sigma)


def main_reference(run: Run) -> Rated | None:
    """What the found network is compared with: the first reference whose stages are known, else the first."""
    known = (one for one in run.references if one.architecture is not None)
    return next(known, run.references[0] if run.references else None)


def verdict(run: Run, *, compared: bool = True) -> Verdict:
    """What the search alone says. compared: with its reference."""
    best, reference, words = run.selected.get("budget"), main_reference(run), measure(run)
    if best is None:
        return _nothing(run)
    expected = words.kind == "training" and best.expected is not None
    if best.expected is not None and expected:
        best = replace(best, accuracy=best.expected, accuracy_std=best.expected_std)
    cost = run.axis.amount(best.cost(run.axis))
    headline = f"Found {network_name(best)}: {words.amount(best)} {words.of} at {cost}"
    headline = headline.replace("% predicted ", "% ").replace(": ", ": predicted ", 1) if _guessed(words) else headline
    headline = headline.replace(": ", ": expected ", 1) if expected else headline
    if not compared:
        return Verdict(f"{headline}.", tuple(_luck(run, best, words)))
    if reference is None:
        return Verdict(f"{headline}.", (*_luck(run, best, words), "It was not compared with a known network."))
    return Verdict(
        f"{headline}, {_standing(best, reference, words, run.axis)}.",
        (*_compared(best, reference, words, run.axis), *_luck(run, best, words)),
    )


def _guessed(words: Measure) -> bool:
    return words.of.startswith("predicted ")


def _nothing(run: Run) -> Verdict:
    complete = run.trials[run.trials["state"] == "complete"]
    if not len(complete):
        return Verdict(f"No network was rated: all {len(run.trials):,} evaluations failed.", ())
    details = []
    for name, value in run.settings["budgets"].items():
        if name in complete and (complete[name] > value).any():
            unit = units(run.settings).get(name)
            over, least = int((complete[name] > value).sum()), format_count(float(complete[name].min()))
            least += f" {unit}" if unit else ""
            details.append(f"{over:,} of {len(complete):,} are over {limit_word(name)}; the smallest has {least}.")
    details.append("Give a larger budget, or try more networks.")
    return Verdict(f"None of the {len(complete):,} networks rated meets the budget ({limits(run)}).", tuple(details))


def limit_word(name: str) -> str:
    return {"mult_adds": "the FLOPs target", "params": "the limit on parameters"}.get(name, f"the limit on {name}")


def _standing(best: Rated, reference: Rated, words: Measure, axis: CostAxis) -> str:
    """ "0.38 point above EfficientNet-B0: within one standard deviation, so not a proven difference"."""
    between, name = difference(best, reference), network_name(reference)
    ratio = best.cost(axis) / reference.cost(axis)
    cheaper = f" with {axis.compared(ratio)}" if abs(ratio - 1) > SAME_COST else ""
    once = f" ({ONCE})" if words.kind == "training" else ""
    if abs(between.points) < ALIKE:
        return f"as good as {name}{cheaper} on the same scale{once}"
    side = "above" if between.points > 0 else "below"
    if once:
        return f"{abs(between.points):.2f} {words.points(between.points)} {side} {name}{cheaper}{once}"
    sureness = between.sureness() if words.unit else "a score without training says little about accuracy"
    return f"{abs(between.points):.2f} {words.points(between.points)} {side} {name}{cheaper}: {sureness}"


def relative(ratio: float) -> str:
    """0.971 -> "2.9 % fewer", 1.2 -> "20 % more"."""
    share = abs(ratio - 1) * 100
    if share < 0.05:
        return "as many"
    return f"{share:.{0 if share >= 10 else 1}f} % {'fewer' if ratio < 1 else 'more'}"


def _compared(best: Rated, reference: Rated, words: Measure, axis: CostAxis) -> list[str]:
    name, between = network_name(reference), difference(best, reference)
    lines = [
        f"{name} has {words.amount(reference)} at {costs_of(reference, axis)}, rated by the same evaluator; the "
        f"network found has {costs_against(best, reference, axis)}."
    ]
    if words.kind == "training":
        return [*lines, f"The difference is {between.points:+.2f}, {ONCE}, so it is no proven one."]
    if between.sigma and between.deviations is not None:
        lines.append(
            f"The difference is {between.points:+.2f} ± {between.sigma:.2f}: {between.deviations:.1f} times its "
            f"standard deviation{', and less than 2 times is not proven' if between.deviations < 2 else ''}."
        )
    elif words.unit:
        lines.append("The evaluator gives no standard deviation, so nothing here says whether the difference is real.")
    if reference.name == "efficientnet-b0" and _same_class(best, reference, between):
        cost = "no more" if best.mult_adds <= reference.mult_adds else "about as many"
        lines.append(f"So the claim is “B0-class”: about B0's accuracy at {cost} FLOPs; not that it beats B0.")
    return lines


def costs_of(rated: Rated, axis: CostAxis) -> str:
    """ "385.8M FLOPs and 5.29M parameters", with the search's own cost before them."""
    own = "" if axis.is_flops else f"{axis.amount(rated.cost(axis))}, "
    return f"{own}{format_count(rated.mult_adds)} FLOPs and {format_count(rated.params, 3)} parameters"


def costs_against(best: Rated, reference: Rated, axis: CostAxis) -> str:
    """ "2.9 % fewer FLOPs and 4.0 % more parameters", likewise."""
    own = "" if axis.is_flops else f"{axis.compared(best.cost(axis) / reference.cost(axis))}, "
    flops = relative(best.mult_adds / reference.mult_adds)
    return f"{own}{flops} FLOPs and {relative(best.params / reference.params)} parameters"


def _same_class(best: Rated, reference: Rated, between: Difference) -> bool:
    close = between.deviations is not None and between.deviations < 2
    return close and between.points > -(between.sigma or 0) and best.mult_adds <= reference.mult_adds * (1 + SAME_COST)


def _luck(run: Run, best: Rated, words: Measure) -> list[str]:
    usable = run.trials[(run.trials["state"] == "complete") & run.trials["feasible"]]
    if len(usable) < 2:
        return []
    if best.expected is not None:
        own = usable.loc[usable["number"] == best.trial, "accuracy"]
        said = f", its own result was {float(own.iloc[0]):.2f}{words.unit}" if len(own) else ""
        return [
            f"It was picked by what the results of all networks say together: they expect "
            f"{plus_minus(best.expected, best.expected_std)}{words.unit} of it{said}. Evaluations with fresh seeds "
            f"would confirm it or not."
        ]
    sentence = f"It is the best of {len(usable):,} networks within the budget, so partly the luckiest"
    if best.accuracy_std is None:
        return [f"{sentence}."]
    others = int((usable["accuracy"] >= best.accuracy - best.accuracy_std).sum()) - 1
    return [f"{sentence}: {others:,} others are within its ± {best.accuracy_std:.2f}{words.unit and ' point'}."]


def short(name: str) -> str:
    """For a small place: EfficientNet-B0 -> B0."""
    return proper_name(name).removeprefix("EfficientNet-")
