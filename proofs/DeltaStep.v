(* T3, T4: the exact step of Delta under constant controls is its flow, and contracts the error. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules MonotoneReadout.
Open Scope R_scope.

(* W + α (v − W k) kᵀ, and the exact step, in which α(h) = (1 − e^{−βκh})/κ, κ = |k|². Where k = 0 any α serves. *)
Definition rank_one_step (m : nat) (a : R) (W : matrix) (v k : vector) : matrix :=
  fun i j => W i j + a * error m W v k i * k j.
Definition alpha (beta kappa h : R) : R := (1 - exp (- (beta * kappa * h))) / kappa.
Definition delta_step (m : nat) (h : R) (W : matrix) (beta : R) (v k : vector) : matrix :=
  rank_one_step m (alpha beta (norm2 m k) h) W v k.

(* Each such step is Delta's Euler step of unit length at the rate α. *)
Lemma rank_one_step_delta : forall n m a W v k i j,
  rank_one_step m a W v k i j = W i j + delta n m W a v k i j.
Proof. reflexivity. Qed.

Lemma rank_one_step_error : forall m a W v k i,
  error m (rank_one_step m a W v k) v k i = (1 - a * norm2 m k) * error m W v k i.
Proof. intros. unfold rank_one_step. rewrite error_rank_one. ring. Qed.

(* 1 − ακ = e^{−βκh}, for κ = 0 too. *)
Lemma alpha_kappa : forall beta kappa h, 1 - alpha beta kappa h * kappa = exp (- (beta * kappa * h)).
Proof.
  intros beta kappa h. unfold alpha. destruct (Req_dec kappa 0) as [->|H]; [|field; exact H].
  replace (- (beta * 0 * h)) with 0 by ring. rewrite exp_0. ring.
Qed.

Lemma alpha_zero : forall beta kappa, alpha beta kappa 0 = 0.
Proof. intros. unfold alpha. rewrite Rmult_0_r, Ropp_0, exp_0. unfold Rdiv. ring. Qed.

(* T3: α(s + t) = α(s) + α(t) − κ α(s) α(t) *)
Lemma delta_alpha_add : forall beta kappa s t,
  alpha beta kappa (s + t) = alpha beta kappa s + alpha beta kappa t - kappa * alpha beta kappa s * alpha beta kappa t.
Proof.
  intros beta kappa s t. unfold alpha. destruct (Req_dec kappa 0) as [->|H].
  - rewrite !Rmult_0_r, !Rmult_0_l, Ropp_0, exp_0. unfold Rdiv. ring.
  - replace (- (beta * kappa * (s + t))) with (- (beta * kappa * s) + - (beta * kappa * t)) by ring.
    rewrite exp_plus. field. exact H.
Qed.

(* T3: Φ_0 = id *)
Theorem delta_step_zero : forall m W beta v k i j, delta_step m 0 W beta v k i j = W i j.
Proof. intros. unfold delta_step, rank_one_step. rewrite alpha_zero. ring. Qed.

(* T4: v − Φ_h(W) k = e^{−βκh} (v − W k) *)
Theorem delta_residual : forall m h W beta v k i,
  error m (delta_step m h W beta v k) v k i = exp (- (beta * norm2 m k * h)) * error m W v k i.
Proof. intros. unfold delta_step. rewrite rank_one_step_error, alpha_kappa. reflexivity. Qed.

(* T4: |v − Φ_h(W) k| = e^{−βκh} |v − W k| *)
Corollary delta_residual_norm : forall n m h W beta v k,
  norm n (error m (delta_step m h W beta v k) v k) = exp (- (beta * norm2 m k * h)) * norm n (error m W v k).
Proof.
  intros. rewrite (norm_ext n _ (fun i => exp (- (beta * norm2 m k * h)) * error m W v k i))
    by (intros; apply delta_residual).
  rewrite norm_scal, Rabs_right; [reflexivity | left; apply exp_pos].
Qed.

(* T3: Φ_s ∘ Φ_t = Φ_{s+t} *)
Theorem delta_semigroup : forall m s t W beta v k i j,
  delta_step m s (delta_step m t W beta v k) beta v k i j = delta_step m (s + t) W beta v k i j.
Proof.
  intros. unfold delta_step at 1, rank_one_step. rewrite delta_residual, <- alpha_kappa.
  unfold delta_step, rank_one_step. rewrite delta_alpha_add. ring.
Qed.

(* E2: Φ_{−h} undoes Φ_h *)
Corollary delta_step_inverse : forall m h W beta v k i j,
  delta_step m (- h) (delta_step m h W beta v k) beta v k i j = W i j.
Proof. intros. rewrite delta_semigroup, Rplus_opp_l. apply delta_step_zero. Qed.

Lemma derive_alpha : forall beta kappa h, kappa <> 0 ->
  is_derive (alpha beta kappa) h (beta * exp (- (beta * kappa * h))).
Proof. intros beta kappa h H. unfold alpha. auto_derive; [trivial|]. field. exact H. Qed.

(* T3: d/dh Φ_h(W) = β (v − Φ_h(W) k) kᵀ, the generated rate at Φ_h(W) *)
Theorem delta_step_deriv : forall n m h W beta v k i j, (j < m)%nat ->
  is_derive (fun h => delta_step m h W beta v k i j) h (delta n m (delta_step m h W beta v k) beta v k i j).
Proof.
  intros n m h W beta v k i j Hj. unfold delta. fold (mv m (delta_step m h W beta v k) k i).
  fold (error m (delta_step m h W beta v k) v k i). rewrite delta_residual.
  destruct (Req_dec (norm2 m k) 0) as [Hk|Hk].
  - assert (Hkj := norm2_eq_zero m k Hk j Hj). apply (derive_ext (fun _ => W i j)).
    + intro s. unfold delta_step, rank_one_step. rewrite Hkj. ring.
    + apply derive_eq with 0; [apply derive_const | rewrite Hkj; ring].
  - unfold delta_step, rank_one_step.
    apply derive_eq with (0 + beta * exp (- (beta * norm2 m k * h)) * error m W v k i * k j); [|ring].
    apply (derive_plus (fun _ => W i j) (fun h => alpha beta (norm2 m k) h * error m W v k i * k j));
      [apply derive_const|].
    apply (derive_scal_r (k j) (fun h => alpha beta (norm2 m k) h * error m W v k i)).
    apply (derive_scal_r (error m W v k i) (alpha beta (norm2 m k))). now apply derive_alpha.
Qed.

Corollary delta_step_solves : forall n m W beta v k breaks a b,
  solves n m (fun _ W => delta n m W beta v k) breaks a b (fun t => delta_step m t W beta v k).
Proof. intros. apply solves_of_derive. intros. now apply delta_step_deriv. Qed.

(* T3: the step is the flow, whatever the sign of β: each solution is W(t) = Φ_{t−a}(W(a)), as its error decays
   as e^{−βκt}. *)
Theorem delta_flow_unique : forall n m (beta : R) (v k : vector) breaks a b W,
  solves n m (fun _ W => delta n m W beta v k) breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> W t i j = delta_step m (t - a) (W a) beta v k i j.
Proof.
  intros n m beta v k breaks a b W H.
  apply (solves_same_rate n m _ (fun _ W => delta n m W beta v k) breaks a b W _ H).
  - apply (solves_shift n m (fun W => delta n m W beta v k) breaks a b a (fun h => delta_step m h (W a) beta v k)).
    intros. now apply delta_step_deriv.
  - intros i j _ _. replace (a - a) with 0 by ring. now rewrite delta_step_zero.
  - intros t i j Ht Hn Hi Hj. rewrite !(delta_readout n). unfold readout. rewrite delta_residual. do 2 f_equal.
    apply (exponential_between breaks (fun s => error m (W s) v k i)); [lra | |].
    + intros r Hr. eapply error_cont; eauto; lra.
    + intros r Hr Hnr.
      apply (readout_error_derive (fun e => e) n m _ beta v k breaks a b W (fun t W => delta_readout n m W beta v k) H);
        auto; lra.
Qed.

(* T4: Φ_h(W) → W + (v − W k) kᵀ/κ as h → ∞, for β, κ > 0 *)
Definition interpolation (m : nat) (W : matrix) (v k : vector) : matrix := rank_one_step m (/ norm2 m k) W v k.

Theorem delta_limit : forall m W beta v k i j, 0 < beta -> 0 < norm2 m k ->
  is_lim (fun h => delta_step m h W beta v k i j) p_infty (interpolation m W v k i j).
Proof.
  intros m W beta v k i j Hb Hk. unfold delta_step, interpolation, rank_one_step. set (kappa := norm2 m k) in *.
  assert (Hexp : is_lim (fun h => exp (- (beta * kappa * h))) p_infty 0).
  { apply (is_lim_comp exp (fun h => - (beta * kappa * h)) p_infty 0 m_infty); [exact is_lim_exp_m | | now exists 0].
    apply (is_lim_ext (fun h => - (beta * kappa) * h)); [intros; ring|].
    assert (H : is_lim (fun h => - (beta * kappa) * h) p_infty (Rbar_mult (- (beta * kappa)) p_infty))
      by (apply is_lim_scal_l, is_lim_id).
    replace m_infty with (Rbar_mult (- (beta * kappa)) p_infty); [exact H|].
    apply is_Rbar_mult_unique, is_Rbar_mult_sym, is_Rbar_mult_p_infty_neg. simpl. nra. }
  apply (is_lim_ext (fun h => (W i j + / kappa * error m W v k i * k j)
                              + - (/ kappa * error m W v k i * k j) * exp (- (beta * kappa * h)))).
  - intro h. unfold alpha. field. lra.
  - replace (Finite (W i j + / kappa * error m W v k i * k j))
      with (Finite ((W i j + / kappa * error m W v k i * k j) + - (/ kappa * error m W v k i * k j) * 0))
      by (f_equal; ring).
    apply is_lim_plus'; [apply is_lim_const|].
    apply (is_lim_scal_l _ (- (/ kappa * error m W v k i * k j)) p_infty 0). exact Hexp.
Qed.

(* T4: the limit interpolates, and no interpolating matrix W* (W* k = v) is nearer to W *)
Theorem delta_limit_interpolates : forall m W v k i, norm2 m k <> 0 ->
  mv m (interpolation m W v k) k i = v i.
Proof.
  intros m W v k i Hk. assert (H := rank_one_step_error m (/ norm2 m k) W v k i). unfold error at 1 in H.
  unfold interpolation. rewrite Rinv_l in H by exact Hk. lra.
Qed.

Lemma delta_limit_pythagoras : forall n m W Wstar v k, norm2 m k <> 0 ->
  (forall i, (i < n)%nat -> mv m Wstar k i = v i) ->
  fro2 n m (fun i j => Wstar i j - W i j)
  = fro2 n m (fun i j => interpolation m W v k i j - W i j)
    + fro2 n m (fun i j => Wstar i j - interpolation m W v k i j).
Proof.
  intros n m W Wstar v k Hk Hstar. set (P := interpolation m W v k).
  rewrite (fro2_ext n m (fun i j => Wstar i j - W i j) (fun i j => (P i j - W i j) + (Wstar i j - P i j)))
    by (intros; ring).
  rewrite fro2_plus, inner_sym.
  rewrite (inner_ext n m _ (fun i j => Wstar i j - P i j) (fun i j => P i j - W i j)
             (fun i j => (/ norm2 m k * error m W v k i) * k j))
    by (intros; try reflexivity; unfold P, interpolation, rank_one_step; ring).
  rewrite inner_outer. unfold dot. rewrite sum_eq_zero; [ring|].
  intros i Hi. rewrite mv_minus. unfold P. rewrite Hstar, delta_limit_interpolates by assumption. ring.
Qed.

Theorem delta_limit_nearest : forall n m W Wstar v k, norm2 m k <> 0 ->
  (forall i, (i < n)%nat -> mv m Wstar k i = v i) ->
  fro n m (fun i j => interpolation m W v k i j - W i j) <= fro n m (fun i j => Wstar i j - W i j).
Proof.
  intros n m W Wstar v k Hk Hstar. apply sqrt_le_1_alt. rewrite (delta_limit_pythagoras n m W Wstar v k Hk Hstar).
  generalize (fro2_nonneg n m (fun i j => Wstar i j - interpolation m W v k i j)). lra.
Qed.

(* … and none other is as near *)
Corollary delta_limit_nearest_unique : forall n m W Wstar v k, norm2 m k <> 0 ->
  (forall i, (i < n)%nat -> mv m Wstar k i = v i) ->
  fro n m (fun i j => Wstar i j - W i j) <= fro n m (fun i j => interpolation m W v k i j - W i j) ->
  forall i j, (i < n)%nat -> (j < m)%nat -> Wstar i j = interpolation m W v k i j.
Proof.
  intros n m W Wstar v k Hk Hstar Hle i j Hi Hj. apply Rminus_diag_uniq.
  apply (fro2_eq_zero n m (fun i j => Wstar i j - interpolation m W v k i j)); [|exact Hi|exact Hj].
  apply sqrt_le_0 in Hle; try apply fro2_nonneg. rewrite (delta_limit_pythagoras n m W Wstar v k Hk Hstar) in Hle.
  generalize (fro2_nonneg n m (fun i j => Wstar i j - interpolation m W v k i j)). lra.
Qed.
