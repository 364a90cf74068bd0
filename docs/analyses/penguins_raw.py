"""Bill lengths of all 344 penguins of the source, categories and gaps as they are."""

from pathlib import Path

import pandas as pd

from gmoe import GaussianMoERegressor

penguins = pd.read_csv(Path(__file__).with_name("penguins_raw.csv"))

# Depth and sex explain the bill; which regression a bird follows depends on the flipper. Birds that lack a value in one
# of these columns are left out, and a warning says which.
formula = "bill_length_mm ~ bill_depth_mm + sex | flipper_length_mm"
fits = [GaussianMoERegressor(k, formula=formula, missing="drop", random_state=0).fit(penguins) for k in (1, 2, 3)]
print(f"{fits[0].n_dropped_} of {len(penguins)} birds left out")
for fitted in fits:
    print(f"{fitted.n_experts} experts: {fitted.fit_result_.status}, BIC {fitted.fit_result_.bic:.1f}")
best = min(fits, key=lambda fitted: fitted.fit_result_.bic)
print(best.summary())

# Who follows which expert? The table keeps the index of the birds.
birds = best.predict_frame(penguins)
print(pd.crosstab(penguins["species"], birds["expert"]))

# Does a spline say more than a line? And does sex matter to the gate?
for other in ("bs(bill_depth_mm, df=4) + sex | flipper_length_mm", "bill_depth_mm + sex | flipper_length_mm + sex"):
    rival = GaussianMoERegressor(best.n_experts, formula=f"bill_length_mm ~ {other}", missing="drop", random_state=0)
    print(f"{other}: BIC {rival.fit(penguins).fit_result_.bic:.1f}")

# A bird whose bill nobody measured.
found = pd.DataFrame({"sex": ["female"], "bill_depth_mm": [17.0], "flipper_length_mm": [195.0]}, index=["found bird"])
print(best.predict_frame(found))
