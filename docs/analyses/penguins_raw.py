"""Bill lengths of all 344 penguins of the source, categories and gaps as they are."""

from pathlib import Path

import pandas as pd

from gmoe import GaussianMoERegressor, select

penguins = pd.read_csv(Path(__file__).with_name("penguins_raw.csv"))

# Depth and sex explain the bill; which regression a bird follows depends on the flipper. Birds that lack a value in one
# of these columns are left out, and a warning says which. ICL asks for experts that can be told apart.
formula = "bill_length_mm ~ bill_depth_mm + sex | flipper_length_mm"
settings = {"missing": "drop", "random_state": 0}
choice = select(penguins, n_experts=range(1, 4), formula=formula, criterion="icl", **settings)
print(choice, f"\n{choice.best.n_dropped_} of {len(penguins)} birds left out\n")

# Who follows which expert? The experts get the names of the species that they explain best.
birds = choice.best.predict_frame(penguins)
counts = pd.crosstab(birds["expert"], penguins["species"])
best = choice.best.relabel(counts.idxmax(axis=1).tolist())
print(counts, "\n", best.summary(p_values=True))

# Does sex matter to the experts, and to the gate? Does a spline say more than a line?
print(best.inference().wald_test([f"coef[sex[male]] ({name}) = 0" for name in best.fit_result_.expert_names]))
larger = GaussianMoERegressor(best.n_experts, formula=f"{formula} + sex", **settings).fit(penguins)
print(best.likelihood_ratio_test(larger))
spline = formula.replace("bill_depth_mm", "bs(bill_depth_mm, df=4)")
print(select(penguins, n_experts=best.n_experts, formula=spline, **settings))

# A bird whose bill nobody measured.
found = pd.DataFrame({"sex": ["female"], "bill_depth_mm": [17.0], "flipper_length_mm": [195.0]}, index=["found bird"])
print(best.predict_frame(found), *best.predict_interval(found, 0.9, "highest density"))
