"""The scikit-learn surface: what is set, and the fit."""

import warnings

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from gmoe._progress import Progress
from gmoe._validation import check_choice, check_integer, check_positive, check_schedule
from gmoe.constraints import as_constraints
from gmoe.estimator.fitted import Fitted
from gmoe.estimator.labels import ExpertLabels, Labelled
from gmoe.estimator.start import start
from gmoe.estimator.training import check_rows, prepare
from gmoe.estimator.written import WrittenFit
from gmoe.experts import as_experts
from gmoe.gates import as_gate
from gmoe.inference import explain
from gmoe.parameter_space import as_parameter_space
from gmoe.solvers.fit import fit

SOLVERS = ("mle", "em")


class GaussianMoERegressor(Fitted, Labelled, WrittenFit, RegressorMixin, BaseEstimator):
    """Gaussian mixture of experts, fitted by maximum likelihood.

    ``p(y | x) = sum_j pi_j(x) N(y | intercept_j + coef_j . x, variance_j)`` with the gate ``pi`` a softmax of affine
    functions of x, or another of the family :class:`gmoe.Gate`. The fit climbs from many starts to a vanishing gradient
    and keeps the evidence in ``fit_result_``.

    Parameters
    ----------
    n_experts : int, default 2
    gate : str or BaseGate, default "softmax"
        A name of :func:`gmoe.list_gates`, with settings as in ``"topk:n_active=2,select_on=logit"`` or
        ``"threshold:threshold=0.1"``, or a value as ``ActivationGate("tanh")``.
    experts : str or BaseExperts, default "gaussian"
        A name of :func:`gmoe.list_experts`, with settings as in ``"student:df=4"``, or a value.
    gate_features, expert_features : sequence of int, str or bool, optional
        Columns of X (indices, names of a data frame, or a mask) that the gate and the experts see; all by default. An
        empty list is a constant gate (a mixture of regressions), or experts that are constants. Of a data frame only
        these columns are read; text and categories among them are coded.
    formula : str, optional
        In place of these lists: ``"y ~ bs(x, df=4) + species | z"``, the response, what the experts see, and right of
        the bar what the gate sees; without a bar the same. X is a data frame. Without a left side y is given to
        :meth:`fit`, with one it is left out everywhere. Needs formulaic (``pip install gmoe[formula]``), whose formulas
        are Python code: take none from strangers.
    coding : {"treatment", "sum"}, default "treatment"
        Of a column of text or categories: each level against the first, or against the mean of all of them.
    missing : {"error", "drop"}, default "error"
        What to do with rows that lack a value in y or a column that is used: refuse them, with the columns and rows, or
        leave them out, with a warning and their number in ``n_dropped_``.
    solver : {"mle", "em"}, default "mle"
        "mle": a few EM steps, then trust-region Newton on the observed log-likelihood. "em": EM alone, which in
        over-specified models needs thousands of iterations for what Newton does in tens.
    n_init : int, default 10
        Effort of the search: one round of starts for each 5. Rounds are independent of each other, and go on until two
        of them have met the best end, or there have been six. A larger ``n_init`` makes the same
        rounds and more, and never ends lower. A sparse gate takes one round. Ignored where ``init`` is given values.
    init : {"auto", "kmeans", "random", "split"}, Parameters, or array, default "auto"
        Where starts come from: k-means on (x, y), regressions on random subsets, slices of x, or all of them in turn;
        or as the only start parameters, labels (n,) of as many groups as experts, or responsibilities (n, n_experts).
    tol : float, default 1e-8
        Bound on the largest entry of the average gradient in scaled coordinates. Never a bound on a change.
    max_iter : int, default 500
        Iterations of one start, at most.
    parameter_space : ParameterSpace, optional
        The set over which the likelihood is maximised: bounds on variances, coefficients, temperature, and on the rows
        of an expert. None: the default of :class:`gmoe.ParameterSpace`.
    constraints : Constraint, str, or list of these, optional
        What the fit holds: parameters or experts at values, ties across experts, equations in words, see
        :mod:`gmoe.constraints`. Experts then stand in the order in which these name them.
    random_state : int, RandomState, Generator or None
        Draws the starts.
    n_jobs : int or None
        Threads, over starts or over blocks of a large data set. Results do not depend on it.
    schedule : sequence of float, optional
        Dense-to-sparse training: positive, falling numbers s that each start goes through before it climbs on the
        likelihood itself; temperatures of 1 + s times that of a dense gate, or widths of the soft selection of a sparse
        one, in units of the spread of its keys. None: widths from 1 to 0.01, and no temperatures. From parameters in
        ``init`` a sparse gate climbs at once: they have a selection.
    warm_start : bool, default False
        Start from the last fit's parameters only.
    expert_labels : ExpertLabels, optional
        Order and names of the experts, as :meth:`relabel` makes them: experts are matched to those of an earlier fit.
        None: numbers, by falling share.
    verbose : int, default 0
        From 1 on the logger "gmoe" tells how the search goes (time, experts, starts, best log-likelihood) and the
        summary; without a handler of your own it writes to the standard error.

    Attributes
    ----------
    gate_intercept_ : ndarray, shape (n_experts,)
    gate_coef_ : ndarray, shape (n_experts, n_gate_features)
        Expert 0, the one with the largest share, is the reference: its gate parameters are zero, as far as the gate
        allows it (see :meth:`gmoe.GMoE.canonical`).
    temperature_ : float
        Of the gate: fixed, estimated, or where the data cannot tell, one choice of many with a warning.
    intercept_ : ndarray, shape (n_experts,)
    coef_ : ndarray, shape (n_experts, n_expert_features)
    variance_ : ndarray, shape (n_experts,)
        Variances, not standard deviations; unit of y squared.
    shares_ : ndarray, shape (n_experts,)
        Average gate probabilities over the training data. Without ``expert_labels`` experts are ordered by falling
        share (equal shares: by their mean at the centre of the data), so that two runs print the same table.
    model_ : GMoE
    fit_result_ : FitResult
        The certificate: log-likelihood, gradient, curvature, flat directions, bounds, agreement of the starts, status.
    log_likelihood_ : float
    converged_ : bool
        Whether the gradient is below ``tol``, and the search came to its end.
    n_iter_ : int
    design_ : gmoe.design.Design
        How X becomes numbers: ``names`` of the columns, categories with their levels in ``terms``.
    n_dropped_ : int
        Rows that ``missing="drop"`` left out.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X has column names.

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import load_penguins
    >>> X, y = load_penguins(return_X_y=True)
    >>> fitted = GaussianMoERegressor(3, gate_features=[1], expert_features=[0], random_state=0).fit(X, y)
    >>> round(fitted.log_likelihood_, 4)
    -866.0648
    >>> fitted.fit_result_.status
    'converged'
    """

    def __init__(
        self,
        n_experts=2,
        gate="softmax",
        *,
        experts="gaussian",
        gate_features=None,
        expert_features=None,
        formula=None,
        coding="treatment",
        missing="error",
        solver="mle",
        n_init=10,
        init="auto",
        tol=1e-8,
        max_iter=500,
        parameter_space=None,
        constraints=None,
        random_state=None,
        n_jobs=None,
        schedule=None,
        warm_start=False,
        expert_labels=None,
        verbose=0,
    ):
        self.n_experts = n_experts
        self.gate = gate
        self.experts = experts
        self.gate_features = gate_features
        self.expert_features = expert_features
        self.formula = formula
        self.coding = coding
        self.missing = missing
        self.solver = solver
        self.n_init = n_init
        self.init = init
        self.tol = tol
        self.max_iter = max_iter
        self.parameter_space = parameter_space
        self.constraints = constraints
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.schedule = schedule
        self.warm_start = warm_start
        self.expert_labels = expert_labels
        self.verbose = verbose

    def fit(self, X, y=None, sample_weight=None):
        """Fit to data.

        Parameters
        ----------
        X : array-like or data frame, shape (n, n_features)
            float32, Fortran order, read-only and memory-mapped arrays are read as they are.
        y : array-like, shape (n,); (n, n_outputs) where the experts describe several responses
            None where the formula says it.
        sample_weight : array-like, shape (n,), optional
            An observation of weight 2 counts as two observations.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For missing values (with columns and rows) and infinity, fewer rows than experts, shapes that do not fit,
            weights that are negative or all zero, unknown names, categories of one level, formulas that cannot be read,
            and gates that do not suit so many experts or features.
        ImportError
            For a formula without formulaic.
        """
        if not isinstance(self.expert_labels, ExpertLabels | None):
            raise TypeError(
                f"expert_labels must be those of a fit, got {self.expert_labels!r}; fit without them, and call "
                "relabel(names)."
            )
        settings = self._settings()
        gate, experts, k = settings["gate"], settings["experts"], settings["n_experts"]
        data = prepare(self, X, y, sample_weight, experts.multi_output)
        check_rows(data.n_used, k)
        gate.check(k, len(data.design.gate))
        experts.check(k, len(data.design.experts), data.n_outputs)
        report = Progress() if self.verbose else None
        result = fit(
            data.X,
            data.y,
            data.weight,
            init=start(self, data, gate, experts),
            gate_columns=data.design.gate,
            expert_columns=data.design.experts,
            column_names=data.design.names,
            seed=self._seed(),
            report=report,
            keep_interrupted=True,
            **settings,
        )
        self._adopt(result if self.expert_labels is None else self.expert_labels.of(result, data.X, data.y))
        self.design_, self.n_dropped_ = data.design, data.n_given - len(data.rows)
        for message in explain(self.fit_result_):
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        if report is not None:
            report.tell(f"{self.summary()}")
        return self

    def score(self, X, y=None, sample_weight=None):
        """Coefficient of determination of :meth:`predict`; y as in :meth:`fit`."""
        check_is_fitted(self)
        return super().score(X, self.design_.response(X, y), sample_weight)

    def _settings(self):
        return {
            "gate": as_gate(self.gate),
            "experts": as_experts(self.experts),
            "n_experts": check_integer(self.n_experts, "n_experts", 1),
            "solver": check_choice(self.solver, "solver", SOLVERS),
            "n_init": check_integer(self.n_init, "n_init", 1),
            "tol": check_positive(self.tol, "tol"),
            "max_iter": check_integer(self.max_iter, "max_iter", 1),
            "space": as_parameter_space(self.parameter_space),
            "constraints": as_constraints(self.constraints),
            "schedule": check_schedule(self.schedule),
            "n_jobs": effective_n_jobs(self.n_jobs),
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = as_experts(self.experts).multi_output
        return tags

    def _seed(self):
        if isinstance(self.random_state, np.random.Generator):
            return int(self.random_state.integers(2**31 - 1))
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _adopt(self, result):
        # Arrays of other parts, of a fit before this one.
        for name in self.model_.parameters.arrays if hasattr(self, "model_") else ():
            delattr(self, f"{name}_")
        self.fit_result_ = result
        self.model_ = result.model
        parameters = result.model.parameters
        for name, value in parameters.arrays.items():
            setattr(self, f"{name}_", value)
        self.shares_, self.temperature_ = result.shares, parameters.temperature
        self.log_likelihood_ = result.log_likelihood
        self.converged_ = result.converged and result.gradient <= self.tol
        self.n_iter_ = result.n_iter
