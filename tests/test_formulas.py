"""LaTeX for readers without LaTeX, and words for LaTeX."""

import re
import xml.dom.minidom

import pytest

from figures.formulas.latex import escaped, latex
from figures.formulas.mathml import mathml
from figures.formulas.plain import plain
from theory.claims import claims


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"$\frac{a}{b+c} x$", "(a/(b + c)) x"),
        (r"$k^* \asymp \frac{\log\tau}{\eta\varepsilon}$", "k* ≍ log τ/(ηε)"),
        (r"$(GG^\top)^{-1/2}$ and $\hat w_{\mathrm{ols}}$", "(GGᵀ)^(−1/2) and ŵₒₗₛ"),
        (r"$\log\frac{a}{b}/2 \pm 1$, $\pm x$", "log(a/b)/2 ± 1, ±x"),
        (r"$\sqrt{\rho^2 + \varepsilon}$", "√(ρ² + ε)"),
        (r"$-x$, $a - b$, $(-1, 1)$, $x = -1$", "−x, a − b, (−1, 1), x = −1"),
        (r"$\left(1 - a\right) \|G\|_F^2$", "(1 − a)‖G‖_F²"),
        (r"$\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}$", "{1 if x > 0; 0 otherwise}"),
        (r"$\operatorname{acos}{\left(x\right)}$", "arccos(x)"),
        (r"$\frac12 x_1^2$, $x^10$", "(1/2) x₁², x¹0"),
        (r"100\,\% of \emph{this}, pages 1--2", "100 % of this, pages 1–2"),
        (r"$\unknown x$", "unknown x"),
    ],
)
def test_formulas_read_as_plain_text(latex, expected):
    assert plain(latex) == expected


def test_formulas_become_elements():
    assert mathml(r"so $\frac{1}{x_2}$") == "so <math><mfrac><mn>1</mn><msub><mi>x</mi><mn>2</mn></msub></mfrac></math>"
    assert mathml("a < b $<$") == "a &lt; b <math><mo>&lt;</mo></math>"


def test_accents_stand_above_and_lines_below():
    assert mathml(r"$\hat w$") == '<math><mover accent="true"><mi>w</mi><mo>^</mo></mover></math>'
    assert mathml(r"$\underline w$") == "<math><munder><mi>w</mi><mo>_</mo></munder></math>"


def test_brackets_grow_only_round_what_is_tall():
    assert 'stretchy="false"' in mathml(r"$\left(x\right)$")
    assert 'stretchy="false"' not in mathml(r"$\left(\frac{1}{x}\right)$")


@pytest.mark.parametrize("name", sorted(claims()))
def test_every_claim_can_be_read_without_latex(name):
    for text in (claims()[name].statement, claims()[name].corrected):
        shown = plain(text).replace("{1 ", "").replace("{k:|νₖ| ≤ T}", "")  # a case distinction and a set
        assert not re.search(r"[\\{}$]", shown)
        xml.dom.minidom.parseString(f"<p>{mathml(text)}</p>")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("GGᵀ is σ²: 5 %", r"GG$^{\top }$ is $\sigma$$^{2}$: 5 \%"),
        ("F⁻¹ and e₁₂", r"F$^{-1}$ and e$_{12}$"),
        ("G̃ or ŵ, ė < 1_2", r"$\tilde{G}$ or $\hat{w}$, $\dot{e}$ $<$ 1\_2"),
        ("café – 🙂", "café – ?"),
    ],
)
def test_words_are_escaped_for_latex(words, expected):
    assert escaped(words) == expected


def test_a_formula_keeps_its_latex():
    assert latex(r"ε ≥ 0, 5\,\% or 5 %") == r"$\varepsilon$ $\geq$ 0, 5\,\% or 5 \%"
    assert latex(r"$\frac{ε}{2}$") == r"$\frac{\varepsilon }{2}$"
    assert escaped(r"\frac{1}{F⁻¹} = η", formula=True) == r"\frac{1}{F^{-1} } = \eta "
