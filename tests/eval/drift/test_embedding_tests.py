"""Tests of sketches hold their level on identical samples, where thresholds did not, and agree with scikit-learn."""

import numpy as np
import pytest

from eval.drift import two_samples
from eval.drift.embedding_tests import classifier, mmd


def drawn(chance, count, shift=0.0):
    """Vectors of a few topics, as queries have them."""
    topics = np.random.default_rng(7).normal(size=(6, 32))
    made = topics[chance.integers(6, size=count)] + chance.normal(size=(count, 32))
    made[:, 0] += shift
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_the_discrepancy_is_that_of_the_kernel_and_the_classifier_s_auc_is_scikit_learn_s():
    # Half a second of CPU, which each process of a run would take only to collect these tests.
    from sklearn.linear_model import Ridge
    from sklearn.metrics import roc_auc_score
    from sklearn.metrics.pairwise import rbf_kernel

    chance = np.random.default_rng(3)
    before, after = drawn(chance, 120), drawn(chance, 80, 1.0)
    both = np.concatenate([before, after]).astype(np.float64)
    squares = ((both[:, None] - both[None]) ** 2).sum(axis=2)
    kernel = rbf_kernel(both, gamma=1.0 / np.median(squares[np.triu_indices(200, 1)]))
    expected = kernel[:120, :120].mean() + kernel[120:, 120:].mean() - 2 * kernel[:120, 120:].mean()
    assert mmd(before, after, seed=1, permutations=99).statistic == pytest.approx(expected, rel=1e-4)
    labels = np.r_[np.zeros(120), np.ones(80)]
    scaled = (both - both.mean(axis=0)) / both.std(axis=0)
    folds = np.zeros(200)
    folds[np.random.default_rng(1).permutation(200)] = np.arange(200) % 5
    said = np.zeros(200)
    for fold in range(5):
        model = Ridge(alpha=1.0).fit(scaled[folds != fold], labels[folds != fold])
        said[folds == fold] = model.predict(scaled[folds == fold])
    found = classifier(before, after, seed=1, permutations=99)
    assert found.statistic == pytest.approx(roc_auc_score(labels, said), abs=3e-4)


@pytest.mark.parametrize("test", [mmd, classifier])
def test_identical_samples_alarm_as_often_as_the_level_says_and_a_moved_one_is_found(test, monkeypatch):
    chance = np.random.default_rng(4)
    p_values = np.array(
        [test(drawn(chance, 60), drawn(chance, 40), seed=seed, permutations=99).p for seed in range(200)]
    )
    for level in (0.05, 0.1, 0.5):
        least, most = np.quantile(np.random.default_rng(1).binomial(200, level, 10_000), [0.001, 0.999]) / 200
        assert least <= np.mean(p_values <= level) <= most
    assert test(drawn(chance, 200), drawn(chance, 100, 2.0), seed=1, permutations=999).p == 0.001
    monkeypatch.setattr(two_samples, "BATCH_PERMUTATIONS", 7)
    assert test(drawn(chance, 30), drawn(chance, 30, 9.0), seed=1, permutations=99).p == 0.01


@pytest.mark.parametrize("test", [mmd, classifier])
def test_one_query_that_is_asked_again_and_again_has_not_moved(test):
    one = drawn(np.random.default_rng(5), 1)
    rounded = one + np.random.default_rng(6).normal(size=(300, 32)).astype(np.float32) * 1e-7
    for reference, window in ((one.repeat(500, 0), one.repeat(137, 0)), (rounded[:200], rounded[200:])):
        assert test(reference, window, seed=1, permutations=199).p == 1.0


@pytest.mark.parametrize("test", [mmd, classifier])
def test_two_queries_that_are_asked_as_often_as_before_have_not_moved(test):
    two = drawn(np.random.default_rng(5), 2)
    assert test(two.repeat(150, 0), two.repeat(50, 0), seed=1, permutations=199).p > 0.2
