(* The exponential of a matrix as a convergent series, and that it solves the linear equation Z′ = A Z. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Primitives TensorMore.
Open Scope R_scope.

(* A^j for an n × n matrix. *)
Fixpoint mpow (n : nat) (A : matrix) (j : nat) : matrix :=
  match j with
  | O => eye
  | S i => mm n A (mpow n A i)
  end.

(* exp A = Σ_j A^j/j!, entry by entry. *)
Definition mexp (n : nat) (A : matrix) : matrix := fun i k => Series (fun j => mpow n A j i k * / INR (fact j)).
(* The entries of A^j are at most s^j, s the sum of |A|, so that the series converges. *)
Lemma mpow_bound : forall n A j i k, (i < n)%nat ->
  Rabs (mpow n A j i k) <= sum n (fun a => sum n (fun b => Rabs (A a b))) ^ j.
Proof.
  intros n A j. set (s := sum n (fun a => sum n (fun b => Rabs (A a b)))).
  assert (Hs : 0 <= s) by (apply sum_nonneg; intros; apply sum_nonneg; intros; apply Rabs_pos).
  induction j as [|j IH]; intros i k Hi; simpl.
  - unfold eye. destruct (Nat.eqb i k); rewrite ?Rabs_R1, ?Rabs_R0; lra.
  - apply Rle_trans with (sum n (fun a => Rabs (A i a)) * s ^ j).
    + rewrite <- sum_scal_r. eapply Rle_trans; [apply sum_abs|]. apply sum_le; intros a Ha. rewrite Rabs_mult.
      apply Rmult_le_compat_l; [apply Rabs_pos | now apply IH].
    + apply Rmult_le_compat_r; [now apply pow_le|].
      apply (sum_term_le n (fun a => sum n (fun b => Rabs (A a b)))); [|exact Hi].
      intros. apply sum_nonneg. intros. apply Rabs_pos.
Qed.

Lemma ex_series_exp : forall x, ex_series (fun j => x ^ j * / INR (fact j)).
Proof.
  intro x. exists (exp x). apply (is_series_ext (fun j => / INR (fact j) * x ^ j)); [intros; apply Rmult_comm|].
  apply is_pseries_R, is_exp_Reals.
Qed.

Lemma ex_series_mexp : forall n A i k, (i < n)%nat -> ex_series (fun j => mpow n A j i k * / INR (fact j)).
Proof.
  intros n A i k Hi. set (s := sum n (fun a => sum n (fun b => Rabs (A a b)))).
  apply (ex_series_le (V := R_CompleteNormedModule) _ (fun j => s ^ j * / INR (fact j))); [|apply ex_series_exp].
  intro j. change (Rabs (mpow n A j i k * / INR (fact j)) <= s ^ j * / INR (fact j)).
  rewrite Rabs_mult, (Rabs_right (/ _)).
  - apply Rmult_le_compat_r; [apply Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0 | now apply mpow_bound].
  - apply Rle_ge, Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0.
Qed.

(* A series of finite sums is the sum of the series. *)
Lemma is_series_sum : forall n (f : nat -> nat -> R) (l : nat -> R),
  (forall a, (a < n)%nat -> is_series (f a) (l a)) -> is_series (fun j => sum n (fun a => f a j)) (sum n l).
Proof.
  induction n; intros f l H; simpl.
  - destruct (ex_series_exp 0) as [e He]. apply (is_series_scal_r 0) in He. rewrite Rmult_0_r in He.
    revert He. apply is_series_ext. intro. apply Rmult_0_r.
  - apply (is_series_plus (fun j => sum n (fun a => f a j)) (f n)); [apply IHn|]; auto.
Qed.

(* exp(tA) as a power series in t. *)
Lemma mpow_scal : forall n A t j i k, mpow n (mscal t A) j i k = t ^ j * mpow n A j i k.
Proof.
  intros n A t j. induction j as [|j IH]; intros i k; simpl; [ring|].
  unfold mm. rewrite <- sum_scal_l. apply sum_ext; intros a _. rewrite IH. unfold mscal. ring.
Qed.

Lemma mexp_power_series : forall n A t i k,
  mexp n (mscal t A) i k = PSeries (fun j => mpow n A j i k * / INR (fact j)) t.
Proof. intros. unfold mexp, PSeries. apply Series_ext. intro j. rewrite mpow_scal. ring. Qed.

Lemma mexp_radius : forall n A i k, (i < n)%nat -> CV_radius (fun j => mpow n A j i k * / INR (fact j)) = p_infty.
Proof.
  intros n A i k Hi. destruct (CV_radius_bounded (fun j => mpow n A j i k * / INR (fact j))) as [Hub _].
  set (s := sum n (fun a => sum n (fun b => Rabs (A a b)))) in *.
  assert (Hs : 0 <= s) by (apply sum_nonneg; intros; apply sum_nonneg; intros; apply Rabs_pos).
  assert (Hall : forall r, 0 <= r -> Rbar_le r (CV_radius (fun j => mpow n A j i k * / INR (fact j)))).
  { intros r Hr. apply Hub. exists (exp (s * r)). intro j. rewrite !Rabs_mult, (Rabs_right (/ _)).
    - rewrite <- RPow_abs, (Rabs_right r) by lra.
      apply Rle_trans with ((s * r) ^ j / INR (fact j)).
      + rewrite Rpow_mult_distr. unfold Rdiv.
        replace (s ^ j * r ^ j * / INR (fact j)) with (s ^ j * (/ INR (fact j) * r ^ j)) by ring.
        rewrite Rmult_assoc. apply Rmult_le_compat_r; [|now apply mpow_bound].
        apply Rmult_le_pos; [apply Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0 | now apply pow_le].
      + assert (Hx : 0 <= s * r) by now apply Rmult_le_pos.
        assert (Hterm : forall p, 0 <= (s * r) ^ p / INR (fact p)).
        { intro p. apply Rmult_le_pos; [now apply pow_le | apply Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0]. }
        apply Rle_trans with (2 := exp_ge_taylor (s * r) j Hx). destruct j; [apply Rle_refl|].
        rewrite tech5. apply Rle_trans with (0 + (s * r) ^ S j / INR (fact (S j))); [lra|].
        apply Rplus_le_compat_r, cond_pos_sum. exact Hterm.
    - apply Rle_ge, Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0. }
  destruct (CV_radius (fun j => mpow n A j i k * / INR (fact j))) as [r| |]; [exfalso | reflexivity | exfalso].
  - generalize (Hall (Rabs r + 1)). simpl. generalize (Rabs_pos r) (Rle_abs r). intros. assert (0 <= Rabs r + 1) by lra.
    apply H1 in H2. lra.
  - exact (Hall 0 (Rle_refl 0)).
Qed.

(* d/dt exp(tA) = A exp(tA), exp(0A) = I *)
Theorem mexp_derive : forall n A t i k, (i < n)%nat ->
  is_derive (fun t => mexp n (mscal t A) i k) t (mm n A (mexp n (mscal t A)) i k).
Proof.
  intros n A t i k Hi. set (a := fun j => mpow n A j i k * / INR (fact j)).
  apply (derive_ext (PSeries a)); [intro; symmetry; apply mexp_power_series|].
  apply derive_eq with (PSeries (PS_derive a) t); [apply is_derive_PSeries; unfold a; now rewrite mexp_radius|].
  unfold PSeries, mm.
  rewrite (Series_ext _ (fun j => sum n (fun b => A i b * (mpow n (mscal t A) j b k * / INR (fact j))))).
  - apply is_series_unique, (is_series_sum n (fun b j => A i b * (mpow n (mscal t A) j b k * / INR (fact j)))).
    intros b Hb. apply (is_series_scal_l (A i b) _ (mexp n (mscal t A) b k)).
    apply (Series_correct (fun j => mpow n (mscal t A) j b k * / INR (fact j))). now apply ex_series_mexp.
  - intro j. unfold PS_derive, a. rewrite fact_simpl, mult_INR. simpl mpow. unfold mm.
    rewrite <- (sum_scal_r n (/ _)), <- sum_scal_l, <- sum_scal_r. apply sum_ext; intros b _. rewrite mpow_scal.
    field. split; [apply INR_fact_neq_0 | apply not_0_INR; lia].
Qed.

Theorem mexp_zero : forall n A i k, mexp n (mscal 0 A) i k = eye i k.
Proof. intros. rewrite mexp_power_series, PSeries_0. simpl. field. Qed.

(* z(t) = e^{Ct} z₀ solves z′ = C z from z₀, … *)
Definition exp_flow (n : nat) (C : matrix) (z0 : vector) : R -> vector := fun t => mv n (mexp n (mscal t C)) z0.

Theorem exp_flow_derive : forall n C z0 t i, (i < n)%nat ->
  is_derive (fun s => exp_flow n C z0 s i) t (mv n C (exp_flow n C z0 t) i).
Proof.
  intros n C z0 t i Hi. unfold exp_flow. rewrite <- mv_mm.
  apply (derive_mv n n (fun s => mexp n (mscal s C))); [|exact Hi]. intros. now apply mexp_derive.
Qed.

Theorem exp_flow_zero : forall n C z0 i, (i < n)%nat -> exp_flow n C z0 0 i = z0 i.
Proof.
  intros n C z0 i Hi. unfold exp_flow. transitivity (mv n eye z0 i); [|now apply mv_eye].
  apply sum_ext; intros. now rewrite mexp_zero.
Qed.

(* … begun at a instead of 0, … *)
Lemma exp_flow_solves : forall n C z0 a b,
  solves_vector n (fun _ z => mv n C z) nil a b (fun t => exp_flow n C z0 (t - a)).
Proof.
  intros n C z0 a b i Hi.
  assert (H : forall t, is_derive (fun s => exp_flow n C z0 (s - a) i) t (mv n C (exp_flow n C z0 (t - a)) i)).
  { intro t. apply derive_eq with (mv n C (exp_flow n C z0 (t - a)) i * (1 - 0)); [|ring].
    apply (derive_comp (fun s => exp_flow n C z0 s i) (fun s => s - a)); [now apply exp_flow_derive|].
    apply (derive_minus (fun s => s) (fun _ => a)); [apply derive_id | apply derive_const]. }
  split; intros; [eapply cont_derive|]; apply H.
Qed.

(* … and nothing else does: |z₁ − z₂|² e^{−2‖C‖t} is nonincreasing. *)
Theorem linear_unique : forall n C z1 z2 a b,
  solves_vector n (fun _ z => mv n C z) nil a b z1 -> solves_vector n (fun _ z => mv n C z) nil a b z2 ->
  (forall i, (i < n)%nat -> z1 a i = z2 a i) ->
  forall t i, a <= t <= b -> (i < n)%nat -> z1 t i = z2 t i.
Proof.
  intros n C z1 z2 a b H1 H2 Hinit t i Ht Hi. set (d s i := z1 s i - z2 s i). set (L := fro n n C).
  apply Rminus_diag_uniq. change (d t i = 0). apply (norm2_eq_zero n (d t)); [|exact Hi].
  assert (Hgrowth : forall s, dot n (d s) (mv n C (d s)) <= L * norm2 n (d s)).
  { intro s. apply Rle_trans with (1 := Rle_abs _), Rle_trans with (1 := cauchy_schwarz n _ _).
    rewrite <- (norm_sqr n (d s)). rewrite <- Rmult_assoc, (Rmult_comm L).
    replace (norm n (d s) * L * norm n (d s)) with (norm n (d s) * (L * norm n (d s))) by ring.
    apply Rmult_le_compat_l; [apply norm_nonneg|]. unfold L, fro, norm.
    rewrite <- sqrt_mult by apply fro2_nonneg || apply norm2_nonneg. apply sqrt_le_1_alt, norm2_mv_le. }
  set (f s := norm2 n (d s) * exp (- (2 * L) * s)).
  assert (Hdecay : f t <= f a).
  { apply (nonincreasing_between nil f
      (fun s => 2 * dot n (d s) (mv n C (d s)) * exp (- (2 * L) * s)
                + norm2 n (d s) * (exp (- (2 * L) * s) * (- (2 * L) * 1)))); [lra | | |].
    - intros s Hs. apply (cont_mult (fun s => norm2 n (d s)) (fun s => exp (- (2 * L) * s))).
      + apply cont_dot; intros j Hj; apply (cont_minus (fun s => z1 s j) (fun s => z2 s j));
          [apply H1 | apply H2 | apply H1 | apply H2]; auto; lra.
      + eapply cont_derive. apply (derive_comp exp (fun s => - (2 * L) * s)); [apply is_derive_exp|].
        apply (derive_scal (- (2 * L)) (fun s => s)), derive_id.
    - intros s Hs _. apply (derive_mult (fun s => norm2 n (d s)) (fun s => exp (- (2 * L) * s))).
      + apply (derive_norm2 n d). intros j Hj. unfold d. rewrite mv_vsub.
        apply (derive_minus (fun s => z1 s j) (fun s => z2 s j)); [apply H1 | apply H2]; auto; lra.
      + apply (derive_comp exp (fun s => - (2 * L) * s)); [apply is_derive_exp|].
        apply (derive_scal (- (2 * L)) (fun s => s)), derive_id.
    - intros s Hs _. generalize (Hgrowth s) (exp_pos (- (2 * L) * s)). intros. nra. }
  assert (Hz : f a = 0).
  { unfold f, norm2, dot. rewrite sum_eq_zero; [ring|]. intros j Hj. unfold d. rewrite Hinit by exact Hj. ring. }
  unfold f at 1 in Hdecay. rewrite Hz in Hdecay. generalize (norm2_nonneg n (d t)) (exp_pos (- (2 * L) * t)). intros.
  apply Rle_antisym; nra.
Qed.

(* |e^{Ct} z₀|² = z₀·e^{2Ct} z₀ for a symmetric C: e^{C(t−s)} z₀·e^{C(t+s)} z₀ does not depend on s. *)
Theorem exp_flow_norm2 : forall n C z0 t, (forall i j, C i j = C j i) -> 0 <= t ->
  norm2 n (exp_flow n C z0 t) = dot n z0 (exp_flow n C z0 (2 * t)).
Proof.
  intros n C z0 t HC Ht. set (z := exp_flow n C z0).
  rewrite (dot_ext n z0 (z 0) (z (2 * t)) (z (2 * t))) by (auto; intros; symmetry; now apply exp_flow_zero).
  transitivity (dot n (z (t - 0)) (z (t + 0))); [now rewrite Rminus_0_r, Rplus_0_r|].
  transitivity (dot n (z (t - t)) (z (t + t))); [|f_equal; f_equal; ring].
  symmetry. apply (constant (fun s => dot n (z (t - s)) (z (t + s))) 0 t Ht). intros s _.
  apply derive_eq with (dot n (fun i => mv n C (z (t - s)) i * (0 - 1)) (z (t + s))
                        + dot n (z (t - s)) (fun i => mv n C (z (t + s)) i * (0 + 1))).
  - apply (derive_dot n (fun s => z (t - s)) (fun s => z (t + s))); intros i Hi.
    + apply (derive_comp (fun s => z s i) (fun s => t - s)); [now apply exp_flow_derive|].
      apply (derive_minus (fun _ => t) (fun s => s)); [apply derive_const | apply derive_id].
    + apply (derive_comp (fun s => z s i) (fun s => t + s)); [now apply exp_flow_derive|].
      apply (derive_plus (fun _ => t) (fun s => s)); [apply derive_const | apply derive_id].
  - rewrite (dot_ext n _ (fun i => -1 * mv n C (z (t - s)) i) (z (t + s)) (z (t + s))) by (intros; ring).
    rewrite (dot_ext n (z (t - s)) (z (t - s)) _ (mv n C (z (t + s)))) by (intros; ring).
    rewrite dot_scal_l, (dot_mv_sym n C (z (t - s))) by exact HC. ring.
Qed.
