"""Letters, signs and brackets: what LaTeX's commands stand for, and their raised and lowered forms."""

from __future__ import annotations

LETTERS = dict(
    pair.split("=")
    for pair in (
        "alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η theta=θ kappa=κ lambda=λ mu=μ nu=ν xi=ξ "
        "pi=π rho=ρ sigma=σ tau=τ phi=φ varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Pi=Π Sigma=Σ "
        "Phi=Φ Psi=Ψ Omega=Ω infty=∞ ell=ℓ top=⊤ dots=… ldots=… cdots=⋯ partial=∂ nabla=∇ prime=′ dagger=† emptyset=∅"
    ).split()
)
RELATIONS = dict(
    pair.split("=")
    for pair in (
        "le=≤ leq=≤ ge=≥ geq=≥ ll=≪ gg=≫ ne=≠ neq=≠ approx=≈ simeq=≃ sim=∼ asymp=≍ equiv=≡ propto=∝ in=∈ subset=⊂ "
        "to=→ rightarrow=→ leftarrow=← mapsto=↦ leftrightarrow=↔ Rightarrow=⇒ iff=⇔ succ=≻ prec=≺ mid=∣ wedge=∧ vee=∨"
    ).split()
)
SIGNS = {"cdot": "·", "times": "×", "pm": "±", "mp": "∓", "bmod": " mod ", "circ": "∘", "sum": "∑", "prod": "∏"}
SIGNS |= {"int": "∫", "forall": "∀", "exists": "∃"}
BRACKETS = {"langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "|": "‖"}
BRACKETS |= {"lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "Vert": "‖", "vert": "|", "{": "{", "}": "}"}
FUNCTIONS = set("log ln exp sin cos tan cot arcsin arccos arctan min max sup inf det lim Pr erf erfc".split())
ACCENTS = {"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304"}
ACCENTS |= {"overline": "\u0304", "dot": "\u0307", "ddot": "\u0308", "underline": "\u0332", "vec": "\u20d7"}
SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "quad": "  ", "qquad": "   ", "!": ""}

RAISED = dict(zip("0123456789+−()ni⊤*′", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵀ*′", strict=True))
RAISED |= dict(zip("abcdefghjklmoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
LOWERED = dict(zip("0123456789+−()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))
