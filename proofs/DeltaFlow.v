(* T5, T6: Delta never drives two states apart under the same controls, and the state grows at most as √t. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules MonotoneReadout DeltaStep.
Open Scope R_scope.

(* T5, step: with D = W₁ − W₂, ‖D(I − αkkᵀ)‖² = ‖D‖² − α(2 − ακ)|D k|², of the step W ↦ W + α(v − W k) kᵀ *)
Lemma delta_step_distance : forall n m a W1 W2 v k,
  fro2 n m (fun i j => (W1 i j + delta n m W1 a v k i j) - (W2 i j + delta n m W2 a v k i j))
  = fro2 n m (fun i j => W1 i j - W2 i j)
    - a * (2 - a * norm2 m k) * norm2 n (mv m (fun i j => W1 i j - W2 i j) k).
Proof.
  intros n m a W1 W2 v k. set (D := fun i j => W1 i j - W2 i j).
  rewrite (fro2_ext n m _ (fun i j => D i j - a * (mv m D k i * k j))).
  - rewrite fro2_minus, inner_scal_r, inner_outer, fro2_scal, fro2_outer.
    change (dot n (mv m D k) (mv m D k)) with (norm2 n (mv m D k)). ring.
  - intros i j _ _. unfold D. rewrite mv_minus. unfold delta, mv. ring.
Qed.

(* T5, step: non-expansive whenever 0 ≤ ακ ≤ 2 *)
Theorem delta_step_nonexpansive : forall n m a W1 W2 v k, 0 <= a * norm2 m k <= 2 ->
  fro2 n m (fun i j => (W1 i j + delta n m W1 a v k i j) - (W2 i j + delta n m W2 a v k i j))
  <= fro2 n m (fun i j => W1 i j - W2 i j).
Proof.
  intros n m a W1 W2 v k Ha. rewrite delta_step_distance. set (D := fun i j => W1 i j - W2 i j).
  assert (Hk := norm2_nonneg m k). assert (Hle := norm2_mv_le n m D k). assert (HD := norm2_nonneg n (mv m D k)).
  destruct Hk as [Hk|Hk].
  - assert (0 <= a) by nra. assert (0 <= a * (2 - a * norm2 m k)) by (apply Rmult_le_pos; lra). nra.
  - rewrite <- Hk, Rmult_0_r in Hle. replace (norm2 n (mv m D k)) with 0 by lra. lra.
Qed.

(* T5, of Euler's step, and of the exact step for β, h ≥ 0 *)
Corollary euler_nonexpansive : forall n m h beta W1 W2 v k, 0 <= h * beta * norm2 m k <= 2 ->
  fro2 n m (fun i j => (W1 i j + h * delta n m W1 beta v k i j) - (W2 i j + h * delta n m W2 beta v k i j))
  <= fro2 n m (fun i j => W1 i j - W2 i j).
Proof.
  intros n m h beta W1 W2 v k H. eapply Rle_trans; [|exact (delta_step_nonexpansive n m (h * beta) W1 W2 v k H)].
  apply Req_le, fro2_ext. intros. unfold delta. ring.
Qed.

Lemma alpha_kappa_unit : forall beta kappa h, 0 <= beta -> 0 <= kappa -> 0 <= h -> 0 <= alpha beta kappa h * kappa <= 1.
Proof.
  intros beta kappa h Hb Hk Hh. assert (H := alpha_kappa beta kappa h).
  assert (Hx : 0 <= beta * kappa * h) by (repeat apply Rmult_le_pos; assumption).
  assert (Hpos := exp_pos (- (beta * kappa * h))).
  assert (exp (- (beta * kappa * h)) <= exp 0).
  { destruct Hx as [Hx|Hx]; [left; apply exp_increasing; lra | right; f_equal; lra]. }
  rewrite exp_0 in *. lra.
Qed.

Corollary delta_exact_nonexpansive : forall n m h beta W1 W2 v k, 0 <= beta -> 0 <= h ->
  fro2 n m (fun i j => delta_step m h W1 beta v k i j - delta_step m h W2 beta v k i j)
  <= fro2 n m (fun i j => W1 i j - W2 i j).
Proof.
  intros n m h beta W1 W2 v k Hb Hh.
  apply (delta_step_nonexpansive n m (alpha beta (norm2 m k) h) W1 W2 v k).
  assert (H := alpha_kappa_unit beta (norm2 m k) h Hb (norm2_nonneg m k) Hh). lra.
Qed.

(* T6, step: ‖W⁺‖² − ‖W‖² = 2α(e·W k) + α²κ|e|², e = v − W k *)
Theorem delta_step_norm_identity : forall n m a W v k,
  fro2 n m (fun i j => W i j + delta n m W a v k i j) - fro2 n m W
  = 2 * a * dot n (error m W v k) (mv m W k) + a ^ 2 * norm2 m k * norm2 n (error m W v k).
Proof.
  intros n m a W v k.
  rewrite (fro2_ext n m _ (fun i j => W i j + a * (error m W v k i * k j)))
    by (intros; unfold delta, error, mv; ring).
  rewrite fro2_plus, inner_scal_r, inner_outer, fro2_scal, fro2_outer. ring.
Qed.

Section flow.
  Variables (n m : nat) (beta : R -> R) (v k : R -> vector) (breaks : list R) (a b : R).
  Let field (t : R) (W : matrix) := delta n m W (beta t) (v t) (k t).
  Hypothesis beta_nonneg : forall t, a < t < b -> ~ In t breaks -> 0 <= beta t.

  Lemma delta_solves_readout : forall W, solves n m field breaks a b W ->
    solves n m (fun t W => readout (fun e => e) m W (beta t) (v t) (k t)) breaks a b W.
  Proof. intros W H. eapply solves_readout; [|exact H]. intros. apply delta_readout. Qed.

  (* T5, flow: d/dt‖W₁ − W₂‖² = −2β|(W₁ − W₂) k|² *)
  Theorem delta_distance_derive : forall W1 W2,
    solves n m field breaks a b W1 -> solves n m field breaks a b W2 ->
    forall t, a < t < b -> ~ In t breaks ->
    is_derive (fun t => fro2 n m (fun i j => W1 t i j - W2 t i j)) t
      (-2 * beta t * norm2 n (mv m (fun i j => W1 t i j - W2 t i j) (k t))).
  Proof.
    intros W1 W2 H1 H2 t Ht Hn. eapply derive_eq.
    - apply (readout_distance_derive (fun e => e) n m beta v k breaks a b W1 W2
               (delta_solves_readout W1 H1) (delta_solves_readout W2 H2) t Ht Hn).
    - f_equal. apply sum_ext; intros i _. rewrite mv_minus. unfold error. ring.
  Qed.

  (* T5, flow: for β ≥ 0 the distance of two solutions under the same controls never grows *)
  Theorem delta_flow_nonexpansive : forall W1 W2,
    solves n m field breaks a b W1 -> solves n m field breaks a b W2 ->
    forall s t, a <= s -> s <= t -> t <= b ->
    fro2 n m (fun i j => W1 t i j - W2 t i j) <= fro2 n m (fun i j => W1 s i j - W2 s i j).
  Proof.
    intros W1 W2 H1 H2.
    exact (monotone_readout_nonexpansive (fun e => e) n m beta v k breaks a b W1 W2
             (delta_solves_readout W1 H1) (delta_solves_readout W2 H2) (monotone_id n) beta_nonneg).
  Qed.

  (* T5, realisable: where v(t) = W* k(t) for all t, ‖W(t) − W*‖ never grows *)
  Corollary delta_realisable : forall W Wstar,
    solves n m field breaks a b W ->
    (forall t i, a < t < b -> ~ In t breaks -> (i < n)%nat -> v t i = mv m Wstar (k t) i) ->
    forall s t, a <= s -> s <= t -> t <= b ->
    fro2 n m (fun i j => W t i j - Wstar i j) <= fro2 n m (fun i j => W s i j - Wstar i j).
  Proof.
    intros W Wstar H Hv. apply (delta_flow_nonexpansive W (fun _ => Wstar) H).
    intros i j Hi Hj. split; [intros; apply cont_const|]. intros t Ht Hn.
    apply derive_eq with 0; [apply derive_const|].
    unfold field, delta. fold (mv m Wstar (k t) i). rewrite Hv by assumption. ring.
  Qed.

  (* E10, causality: two solutions that begin together agree for as long as their controls do *)
  Corollary delta_causal : forall (beta' : R -> R) (v' k' : R -> vector) W W',
    solves n m field breaks a b W ->
    solves n m (fun t W => delta n m W (beta' t) (v' t) (k' t)) breaks a b W' ->
    (forall i j, (i < n)%nat -> (j < m)%nat -> W a i j = W' a i j) ->
    forall t, a <= t <= b ->
    (forall s, a < s < t -> beta' s = beta s) ->
    (forall s i, a < s < t -> (i < n)%nat -> v' s i = v s i) ->
    (forall s j, a < s < t -> (j < m)%nat -> k' s j = k s j) ->
    forall i j, (i < n)%nat -> (j < m)%nat -> W t i j = W' t i j.
  Proof.
    intros beta' v' k' W W' H H' H0 t Ht Hbeta Hv Hk.
    assert (Hpart : solves n m (fun t W => readout (fun e => e) m W (beta t) (v t) (k t)) breaks a t W)
      by (apply (solves_part n m _ breaks a b); try lra; now apply delta_solves_readout).
    assert (Hpart' : solves n m (fun t W => readout (fun e => e) m W (beta t) (v t) (k t)) breaks a t W').
    { intros i j Hi Hj. destruct (H' i j Hi Hj) as [Hc Hd]. split; [intros; apply Hc; lra|]. intros s Hs Hn.
      eapply derive_eq; [apply Hd; auto; lra|]. cbv beta. unfold delta, readout, error, mv.
      rewrite Hbeta, Hv, Hk by assumption.
      rewrite (sum_ext m (fun j => W' s i j * k' s j) (fun j => W' s i j * k s j))
        by (intros; rewrite Hk by assumption; reflexivity). reflexivity. }
    intros i j Hi Hj.
    apply (readout_unique (fun e => e) n m beta v k breaks a t W W' Hpart Hpart' (monotone_id n)); auto; try lra.
    intros s Hs Hn. apply beta_nonneg; auto; lra.
  Qed.

  (* T6: d/dt‖W‖² = 2β(v·W k − |W k|²) *)
  Theorem delta_norm_derive : forall W, solves n m field breaks a b W ->
    forall t, a < t < b -> ~ In t breaks ->
    is_derive (fun t => fro2 n m (W t)) t
      (2 * beta t * (dot n (v t) (mv m (W t) (k t)) - norm2 n (mv m (W t) (k t)))).
  Proof.
    intros W H t Ht Hn. eapply derive_eq; [apply (derive_fro2 n m W (field t (W t)))|].
    - intros i j Hi Hj. eapply solves_derive; eauto.
    - rewrite (inner_ext n m (W t) (W t) _ (fun i j => beta t * (error m (W t) (v t) (k t) i * k t j)));
        [|reflexivity | intros; unfold field, delta, error, mv; ring].
      rewrite inner_scal_r, inner_outer. unfold error. rewrite dot_minus_l. unfold norm2. ring.
  Qed.

  (* T6: ‖W(b)‖² ≤ ‖W(a)‖² + ½∫_a^b β|v|² *)
  Theorem delta_growth : forall W, solves n m field breaks a b W -> a <= b ->
    (forall t, a < t < b -> ~ In t breaks -> continuous beta t) ->
    (forall t i, a < t < b -> ~ In t breaks -> (i < n)%nat -> continuous (fun s => v s i) t) ->
    (forall x y, ex_RInt (fun s => beta s * norm2 n (v s)) x y) ->
    fro2 n m (W b) <= fro2 n m (W a) + / 2 * RInt (fun s => beta s * norm2 n (v s)) a b.
  Proof.
    intros W H Hab Hbc Hvc Hint. set (g := fun s => beta s * norm2 n (v s)) in *.
    assert (Hscal : RInt (fun s => / 2 * g s) a b = / 2 * RInt g a b) by (apply (RInt_scal g a b (/ 2)), Hint).
    rewrite <- Hscal.
    eapply (le_integral breaks (fun t => fro2 n m (W t))); [exact Hab | | | | |].
    - intros x y. apply (ex_RInt_scal g). apply Hint.
    - intros t Ht. apply cont_fro2. intros i j Hi Hj. eapply solves_cont; eauto.
    - intros t Ht Hn. now apply delta_norm_derive.
    - intros t Ht Hn. apply (cont_mult (fun _ => / 2) g); [apply cont_const|].
      apply (cont_mult beta (fun s => norm2 n (v s))); [auto|]. apply cont_dot; auto.
    - intros t Ht Hn. cbv beta. unfold g. set (y := mv m (W t) (k t)).
      assert (Hsq := norm2_nonneg n (fun i => v t i - 2 * y i)).
      rewrite norm2_minus, norm2_scal, dot_scal_r in Hsq. assert (Hb := beta_nonneg t Ht Hn). nra.
  Qed.
End flow.

(* T6, step: ‖Φ_h(W)‖² ≤ ‖W‖² + ½βh|v|² *)
Corollary delta_step_growth : forall n m h W beta v k, 0 <= beta -> 0 <= h ->
  fro2 n m (delta_step m h W beta v k) <= fro2 n m W + / 2 * beta * h * norm2 n v.
Proof.
  intros n m h W beta v k Hb Hh.
  assert (H := delta_growth n m (fun _ => beta) (fun _ => v) (fun _ => k) nil 0 h (fun _ _ _ => Hb)
                 (fun t => delta_step m t W beta v k) (delta_step_solves n m W beta v k nil 0 h) Hh).
  cbv beta in H. rewrite (fro2_ext n m (delta_step m 0 W beta v k) W) in H by (intros; apply delta_step_zero).
  assert (Hint : RInt (fun _ => beta * norm2 n v) 0 h = (h - 0) * (beta * norm2 n v))
    by exact (RInt_const 0 h (beta * norm2 n v)).
  rewrite Hint in H. eapply Rle_trans; [apply H | right; ring]; intros;
    [apply cont_const | apply cont_const | apply (ex_RInt_const x y)].
Qed.
