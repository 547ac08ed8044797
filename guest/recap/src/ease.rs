//! Easing: how far an animation is, given how much of its time has passed. All take and answer 0 to 1.

/// How much of the span from `start` to `start + length` has passed at `now`, 0 to 1.
pub(crate) fn span(now: f64, start: f64, length: f64) -> f64 {
    if length <= 0.0 {
        return if now >= start { 1.0 } else { 0.0 };
    }
    ((now - start) / length).clamp(0.0, 1.0)
}

/// Fast first, then settling: for things that appear.
pub(crate) fn out(t: f64) -> f64 {
    1.0 - (1.0 - t).powi(4)
}

/// Slow, fast, slow: for transitions.
pub(crate) fn in_out(t: f64) -> f64 {
    if t < 0.5 { 4.0 * t.powi(3) } else { 1.0 - (2.0 - 2.0 * t).powi(3) / 2.0 }
}

/// Past the goal and back: for small round things. The only one that passes 1, by a tenth.
pub(crate) fn out_back(t: f64) -> f64 {
    let overshoot = 1.70158;
    let back = t - 1.0;
    1.0 + (overshoot + 1.0) * back.powi(3) + overshoot * back.powi(2)
}

/// From `from` to `to`.
pub(crate) fn mix(from: f64, to: f64, t: f64) -> f64 {
    from + (to - from) * t
}

#[cfg(test)]
mod tests {
    use super::{in_out, mix, out, out_back, span};

    #[test]
    fn every_easing_starts_at_0_and_ends_at_1() {
        for ease in [out, in_out, out_back] {
            assert!(ease(0.0).abs() < 1e-12 && (ease(1.0) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn appearing_and_transitions_never_go_backwards() {
        for ease in [out, in_out] {
            let steps: Vec<f64> = (0..=100).map(|step| ease(f64::from(step) / 100.0)).collect();
            assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]), "{steps:?}");
        }
        assert!((in_out(0.5) - 0.5).abs() < 1e-12);
        assert!((0..=100).all(|step| out_back(f64::from(step) / 100.0) < 1.11));
    }

    #[test]
    fn spans_are_clamped_and_may_be_empty() {
        assert_eq!(span(1.0, 2.0, 4.0), 0.0);
        assert_eq!(span(3.0, 2.0, 4.0), 0.25);
        assert_eq!(span(9.0, 2.0, 4.0), 1.0);
        assert_eq!((span(1.9, 2.0, 0.0), span(2.0, 2.0, 0.0)), (0.0, 1.0));
        assert_eq!(mix(10.0, 20.0, 0.25), 12.5);
    }
}
