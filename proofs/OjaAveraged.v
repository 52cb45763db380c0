(* Oja's neuron under an average of inputs: w′ = C w − (w·C w) w, solved in closed form. *)
From Coq Require Import Reals Lra List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Primitives TensorMore MatrixExp Rules.
Open Scope R_scope.

(* The average of the generated rate over inputs x_s with weights p_s, and their matrix C = Σ_s p_s x_s x_sᵀ. *)
Definition averaged (n samples : nat) (p : vector) (x : nat -> vector) (w : vector) : vector :=
  fun i => sum samples (fun s => oja_neuron n w (p s) (x s) i).
Definition correlation (samples : nat) (p : vector) (x : nat -> vector) : matrix :=
  fun i j => sum samples (fun s => p s * (x s i * x s j)).

(* w·C w, and C w − (w·C w) w *)
Definition rayleigh (n : nat) (C : matrix) (w : vector) : R := dot n w (mv n C w).
Definition oja_flow (n : nat) (C : matrix) (w : vector) : vector := fun i => mv n C w i - rayleigh n C w * w i.

Lemma correlation_sym : forall samples p x i j, correlation samples p x i j = correlation samples p x j i.
Proof. intros. apply sum_ext. intros. ring. Qed.

Lemma mv_correlation : forall n samples p x w i,
  mv n (correlation samples p x) w i = sum samples (fun s => p s * dot n w (x s) * x s i).
Proof.
  intros. unfold mv, correlation.
  rewrite (sum_ext n _ (fun j => sum samples (fun s => p s * x s i * (w j * x s j))))
    by (intros; rewrite <- sum_scal_r; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_ext; intros s _. rewrite sum_scal_l. unfold dot. ring.
Qed.

Lemma rayleigh_correlation : forall n samples p x w,
  rayleigh n (correlation samples p x) w = sum samples (fun s => p s * dot n w (x s) ^ 2).
Proof.
  intros. unfold rayleigh. rewrite (dot_ext n w w _ (fun i => sum samples (fun s => p s * dot n w (x s) * x s i)))
    by (intros; auto using mv_correlation).
  unfold dot at 1.
  rewrite (sum_ext n _ (fun i => sum samples (fun s => p s * dot n w (x s) * (w i * x s i))))
    by (intros; rewrite <- sum_scal_l; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_ext; intros s _. rewrite sum_scal_l. fold (dot n w (x s)). ring.
Qed.

(* T15: averaging the rule gives C w − (w·C w) w with a symmetric C, positive semidefinite for weights ≥ 0. *)
Theorem averaged_oja_flow : forall n samples p x w i,
  averaged n samples p x w i = oja_flow n (correlation samples p x) w i.
Proof.
  intros. unfold oja_flow. rewrite mv_correlation, rayleigh_correlation, <- sum_scal_r, <- sum_minus.
  apply sum_ext; intros s _. unfold oja_neuron. fold (dot n w (x s)). ring.
Qed.

Theorem correlation_nonneg : forall n samples p x w, (forall s, (s < samples)%nat -> 0 <= p s) ->
  0 <= rayleigh n (correlation samples p x) w.
Proof.
  intros n samples p x w Hp. rewrite rayleigh_correlation. apply sum_nonneg; intros s Hs.
  apply Rmult_le_pos; [auto | apply pow2_ge_0].
Qed.

(* w = z/√(1 − |w₀|² + |z|²) *)
Definition scale2 (n : nat) (w0 z : vector) : R := 1 - norm2 n w0 + norm2 n z.
Definition rescaled (n : nat) (w0 z : vector) : vector := fun i => z i / sqrt (scale2 n w0 z).

Lemma scale2_derive : forall n w0 C (z : R -> vector) t,
  (forall i, (i < n)%nat -> is_derive (fun s => z s i) t (mv n C (z t) i)) ->
  is_derive (fun s => scale2 n w0 (z s)) t (2 * rayleigh n C (z t)).
Proof.
  intros n w0 C z t Hz. apply derive_eq with (0 + 2 * dot n (z t) (mv n C (z t))); [|unfold rayleigh; ring].
  apply (derive_plus (fun _ => 1 - norm2 n w0)); [apply derive_const | now apply derive_norm2].
Qed.

(* T15: if z′ = C z at t and 1 − |w₀|² + |z|² > 0 there, w solves the rule at t. Any square C will do. *)
Theorem oja_averaged_solves : forall n C w0 (z : R -> vector) t,
  (forall i, (i < n)%nat -> is_derive (fun s => z s i) t (mv n C (z t) i)) -> 0 < scale2 n w0 (z t) ->
  forall i, (i < n)%nat ->
  is_derive (fun s => rescaled n w0 (z s) i) t (oja_flow n C (rescaled n w0 (z t)) i).
Proof.
  intros n C w0 z t Hz Hpos i Hi. set (S := scale2 n w0 (z t)) in *.
  assert (Hs : is_derive (fun s => sqrt (scale2 n w0 (z s))) t (2 * rayleigh n C (z t) / (2 * sqrt S))).
  { apply (is_derive_sqrt (fun s => scale2 n w0 (z s))); [now apply scale2_derive | exact Hpos]. }
  assert (Hsq : 0 < sqrt S) by now apply sqrt_lt_R0.
  assert (Hinv : is_derive (fun s => / sqrt (scale2 n w0 (z s))) t
    (- (2 * rayleigh n C (z t) / (2 * sqrt S)) / (sqrt S) ^ 2)).
  { apply (is_derive_inv (fun s => sqrt (scale2 n w0 (z s)))); [exact Hs | apply Rgt_not_eq, Hsq]. }
  apply derive_eq with (mv n C (z t) i * / sqrt S
    + z t i * (- (2 * rayleigh n C (z t) / (2 * sqrt S)) / (sqrt S) ^ 2)).
  - apply (derive_mult (fun s => z s i) (fun s => / sqrt (scale2 n w0 (z s)))); auto.
  - assert (Hmv : forall a, mv n C (rescaled n w0 (z t)) a = / sqrt S * mv n C (z t) a).
    { intro a. unfold mv, rescaled. fold S. rewrite <- sum_scal_l. apply sum_ext; intros. unfold Rdiv. ring. }
    assert (Hray : rayleigh n C (rescaled n w0 (z t)) = (/ sqrt S) ^ 2 * rayleigh n C (z t)).
    { unfold rayleigh. unfold dot. rewrite <- sum_scal_l. apply sum_ext; intros a _. rewrite Hmv.
      unfold rescaled. fold S. unfold Rdiv. ring. }
    unfold oja_flow. rewrite Hmv, Hray. unfold rescaled. fold S. field. lra.
Qed.

Section Averaged.

(* A symmetric positive semidefinite C, on an interval [a, b]. *)
Variables (n : nat) (C : matrix) (a b : R).
Hypothesis C_sym : forall i j, C i j = C j i.
Hypothesis C_nonneg : forall w, 0 <= rayleigh n C w.

(* T15: the denominator² is at least 1. *)
Theorem scale2_ge_one : forall z t, solves_vector n (fun _ z => mv n C z) nil a b z -> a <= t <= b ->
  1 <= scale2 n (z a) (z t).
Proof.
  intros z t H Ht. replace 1 with (scale2 n (z a) (z a)) by (unfold scale2; ring).
  apply (nondecreasing_between nil (fun s => scale2 n (z a) (z s)) (fun s => 2 * rayleigh n C (z s))); [lra | | |].
  - intros s Hs. apply (cont_plus (fun _ => 1 - norm2 n (z a))); [apply cont_const|].
    apply cont_dot; intros; apply H; auto; lra.
  - intros s Hs _. apply scale2_derive. intros. apply H; auto; lra.
  - intros s Hs _. generalize (C_nonneg (z s)). lra.
Qed.

(* On the unit sphere, which is invariant, d/dt w·C w = 2 (|C w|² − (w·C w)²) ≥ 0. *)
Lemma norm2_flow : forall w, dot n w (oja_flow n C w) = rayleigh n C w * (1 - norm2 n w).
Proof.
  intro w. unfold oja_flow. rewrite dot_minus_r, dot_scal_r. unfold rayleigh, norm2. ring.
Qed.

Theorem rayleigh_derive : forall (w : R -> vector) t,
  (forall i, (i < n)%nat -> is_derive (fun s => w s i) t (oja_flow n C (w t) i)) ->
  is_derive (fun s => rayleigh n C (w s)) t (2 * (norm2 n (mv n C (w t)) - rayleigh n C (w t) ^ 2)).
Proof.
  intros w t Hw. set (F := oja_flow n C (w t)).
  apply derive_eq with (dot n F (mv n C (w t)) + dot n (w t) (mv n C F)).
  - apply (derive_dot n w (fun s => mv n C (w s))); [exact Hw|]. intros i Hi.
    apply (derive_sum n (fun s j => C i j * w s j)). intros. now apply (derive_scal (C i i0) (fun s => w s i0)), Hw.
  - rewrite (dot_mv_sym n C (w t) F C_sym), (dot_sym n F). unfold F, oja_flow. rewrite dot_minus_r, dot_scal_r.
    rewrite (dot_sym n (mv n C (w t)) (w t)). unfold norm2, rayleigh. ring.
Qed.

Variable w : R -> vector.
Hypothesis solution : solves_vector n (fun _ w => oja_flow n C w) nil a b w.

Lemma averaged_excess_cont : forall t, a <= t <= b -> continuous (fun s => 1 - norm2 n (w s)) t.
Proof.
  intros t Ht. apply (cont_minus (fun _ => 1) (fun s => norm2 n (w s))); [apply cont_const|].
  apply cont_dot; intros; now apply solution.
Qed.

Theorem oja_averaged_sphere : forall s t, a <= s -> s <= t -> t <= b -> norm2 n (w s) = 1 -> norm2 n (w t) = 1.
Proof.
  intros s t Has Hst Htb H.
  assert (Hle : Rabs (1 - norm2 n (w t)) <= Rabs (1 - norm2 n (w s))).
  { apply (decay_abs nil (fun x => 1 - norm2 n (w x)) (fun x => 2 * rayleigh n C (w x)) s t Hst).
    - intros x Hx. apply averaged_excess_cont. lra.
    - intros x Hx _. eapply derive_eq.
      + apply (derive_minus (fun _ => 1) (fun y => norm2 n (w y))); [apply derive_const|].
        apply (derive_norm2 n w (oja_flow n C (w x))). intros. apply solution; auto; lra.
      + rewrite norm2_flow. ring.
    - intros x Hx. generalize (C_nonneg (w x)). lra. }
  rewrite H, (Rminus_diag_eq 1 1), Rabs_R0 in Hle by reflexivity.
  symmetry. apply Rminus_diag_uniq, Rabs_eq_0, Rle_antisym; [exact Hle | apply Rabs_pos].
Qed.

(* T15: from a start on the unit sphere, w·C w is nondecreasing. *)
Theorem rayleigh_nondecreasing : norm2 n (w a) = 1 -> forall s t, a <= s -> s <= t -> t <= b ->
  rayleigh n C (w s) <= rayleigh n C (w t).
Proof.
  intros H1 s t Has Hst Htb.
  apply (nondecreasing_between nil (fun x => rayleigh n C (w x))
    (fun x => 2 * (norm2 n (mv n C (w x)) - rayleigh n C (w x) ^ 2))); [exact Hst | | |].
  - intros x Hx. apply (cont_dot n w (fun x => mv n C (w x))); intros i Hi; [apply solution; auto; lra|].
    apply (cont_sum n (fun x j => C i j * w x j)). intros j Hj.
    apply (cont_mult (fun _ => C i j)); [apply cont_const | apply solution; auto; lra].
  - intros x Hx _. apply rayleigh_derive. intros. apply solution; auto; lra.
  - intros x Hx _. generalize (cauchy_schwarz2 n (w x) (mv n C (w x))).
    rewrite (oja_averaged_sphere a x) by (auto; lra). unfold rayleigh. lra.
Qed.

End Averaged.

(* T15: every solution of w′ = C w − (w·C w) w is z/√(1 − |w(a)|² + |z|²) with z(t) = e^{C(t−a)} w(a). Of any square C:
   the denominator is exp ∫ w·C w, which is positive. *)
Theorem oja_averaged_unique : forall n C a b w, solves_vector n (fun _ w => oja_flow n C w) nil a b w ->
  forall t i, a <= t <= b -> (i < n)%nat ->
  let z := exp_flow n C (w a) (t - a) in 0 < scale2 n (w a) z /\ w t i = rescaled n (w a) z i.
Proof.
  intros n C a b w H t i Ht Hi z. assert (Hab : a <= b) by lra.
  assert (Hw : forall s j, a <= s <= b -> (j < n)%nat -> continuous (fun s => w s j) s) by (intros; now apply H).
  set (q s := rayleigh n C (w (clamp a b s))).
  assert (Hq : forall s, continuous q s).
  { intro s. unfold q. apply (continuous_comp (clamp a b) (fun s => rayleigh n C (w s))); [apply clamp_cont|].
    apply (cont_dot n w (fun s => mv n C (w s))); intros j Hj; [apply Hw; auto using clamp_range|].
    apply (cont_sum n (fun s l => C j l * w s l)). intros l Hl.
    apply (cont_mult (fun _ => C j l)); [apply cont_const | apply Hw; auto using clamp_range]. }
  assert (Hint : forall x y, ex_RInt q x y) by (intros; apply (ex_RInt_continuous (V := R_CompleteNormedModule)); auto).
  set (E s := exp (RInt q a s)).
  assert (HE : forall s, is_derive E s (E s * q s)).
  { intro s. apply (derive_comp exp (fun s => RInt q a s)); [apply is_derive_exp | now apply derive_integral]. }
  assert (Hpos : forall s, 0 < E s) by (intro; apply exp_pos).
  set (u s j := E s * w s j).
  assert (Hmv : forall s j, mv n C (u s) j = E s * mv n C (w s) j).
  { intros s j. unfold mv, u. rewrite <- sum_scal_l. apply sum_ext; intros. ring. }
  assert (Hray : forall s, rayleigh n C (u s) = E s ^ 2 * rayleigh n C (w s)).
  { intro s. unfold rayleigh, dot. rewrite <- sum_scal_l. apply sum_ext; intros. rewrite Hmv. unfold u. ring. }
  assert (Hu : solves_vector n (fun _ z => mv n C z) nil a b u).
  { intros j Hj. split; intros s Hs.
    - apply (cont_mult E (fun s => w s j)); [apply (cont_derive E s _ (HE s)) | now apply Hw].
    - intros _. rewrite Hmv. apply derive_eq with (E s * q s * w s j + E s * oja_flow n C (w s) j).
      + apply (derive_mult E (fun s => w s j)); [apply HE | apply H; auto; lra].
      + unfold q, oja_flow. rewrite clamp_between by lra. ring. }
  assert (HEa : E a = 1) by (unfold E; rewrite integral_point; apply exp_0).
  assert (Hz : forall s j, a <= s <= b -> (j < n)%nat -> u s j = exp_flow n C (w a) (s - a) j).
  { apply (linear_unique n C u (fun s => exp_flow n C (w a) (s - a)) a b Hu); [apply exp_flow_solves|].
    intros j Hj. rewrite (Rminus_diag_eq a a), exp_flow_zero by auto. unfold u. rewrite HEa. ring. }
  assert (Hscale : E t ^ 2 = scale2 n (w a) z).
  { assert (Hconst : E t ^ 2 - norm2 n (u t) = E a ^ 2 - norm2 n (u a)).
    { apply (constant_between nil (fun s => E s ^ 2 - norm2 n (u s))); [lra | |].
      - intros s Hs. apply (cont_minus (fun s => E s ^ 2) (fun s => norm2 n (u s))).
        + apply (continuous_comp E (fun y => y ^ 2)); [apply (cont_derive E s _ (HE s))|].
          apply (ex_derive_continuous (fun y : R => y ^ 2)). auto_derive. trivial.
        + apply cont_dot; intros; apply Hu; auto; lra.
      - intros s Hs _. apply derive_eq with ((E s * q s * E s + E s * (E s * q s)) - 2 * dot n (u s) (mv n C (u s))).
        + apply (derive_minus (fun s => E s ^ 2) (fun s => norm2 n (u s))).
          * apply (derive_ext (fun s => E s * E s)); [intro; ring | apply (derive_mult E E); apply HE].
          * apply derive_norm2. intros. apply Hu; auto; lra.
        + fold (rayleigh n C (u s)). rewrite Hray. unfold q. rewrite clamp_between by lra. ring. }
    assert (Hua : norm2 n (u a) = norm2 n (w a)) by (apply norm2_ext; intros; unfold u; rewrite HEa; ring).
    assert (Hut : norm2 n (u t) = norm2 n z) by (apply norm2_ext; intros; now apply Hz).
    rewrite HEa, Hua, Hut in Hconst. unfold scale2. lra. }
  rewrite <- Hscale. split; [now apply pow_lt|].
  unfold rescaled. rewrite <- Hscale, sqrt_pow2 by (left; apply Hpos). unfold z. rewrite <- Hz by assumption.
  unfold u. field. apply Rgt_not_eq, Hpos.
Qed.

(* T15 for the generated rule, averaged over inputs with weights ≥ 0: from every w₀ this is a solution for t ≥ 0, with
   denominator² = 1 + w₀·(e^{2Ct} − I) w₀ ≥ 1. *)
Theorem oja_averaged : forall n samples p x w0 t i,
  (forall s, (s < samples)%nat -> 0 <= p s) -> 0 <= t -> (i < n)%nat ->
  let C := correlation samples p x in
  let w s := rescaled n w0 (exp_flow n C w0 s) in
  is_derive (fun s => w s i) t (averaged n samples p x (w t) i) /\ w 0 i = w0 i /\
  scale2 n w0 (exp_flow n C w0 t) = 1 + (dot n w0 (exp_flow n C w0 (2 * t)) - norm2 n w0) /\
  1 <= scale2 n w0 (exp_flow n C w0 t).
Proof.
  intros n samples p x w0 t i Hp Ht Hi C w.
  assert (Hscale : forall s, 0 <= s -> 1 <= scale2 n w0 (exp_flow n C w0 s)).
  { intros s Hs.
    assert (Heq : forall y, scale2 n w0 y = scale2 n (exp_flow n C w0 (0 - 0)) y).
    { intro y. unfold scale2. do 2 f_equal. apply norm2_ext; intros. rewrite (Rminus_diag_eq 0 0) by reflexivity.
      symmetry. now apply exp_flow_zero. }
    rewrite Heq, <- (Rminus_0_r s) at 1.
    apply (scale2_ge_one n C 0 s (fun y => correlation_nonneg n samples p x y Hp) (fun s => exp_flow n C w0 (s - 0)));
      [apply exp_flow_solves | lra]. }
  split; [|split; [|split; [|now apply Hscale]]].
  - rewrite averaged_oja_flow. apply oja_averaged_solves; [|generalize (Hscale t Ht); lra | exact Hi].
    intros. now apply exp_flow_derive.
  - unfold w, rescaled, scale2. rewrite (norm2_ext n (exp_flow n C w0 0) w0) by (intros; now apply exp_flow_zero).
    replace (1 - norm2 n w0 + norm2 n w0) with 1 by ring. rewrite sqrt_1, exp_flow_zero by exact Hi. field.
  - unfold scale2. rewrite exp_flow_norm2; [ring | intros; apply correlation_sym | exact Ht].
Qed.

(* T15 for the generated rule: there is no other solution, and on the unit sphere Σ_s p_s (w·x_s)² never falls. *)
Lemma averaged_solves : forall n samples p x a b w,
  solves_vector n (fun _ w => averaged n samples p x w) nil a b w ->
  solves_vector n (fun _ w => oja_flow n (correlation samples p x) w) nil a b w.
Proof.
  intros n samples p x a b w H i Hi. destruct (H i Hi) as [Hc Hd]. split; [exact Hc|]. intros t Ht Hn.
  rewrite <- averaged_oja_flow. now apply Hd.
Qed.

Corollary oja_averaged_only : forall n samples p x a b w,
  solves_vector n (fun _ w => averaged n samples p x w) nil a b w -> forall t i, a <= t <= b -> (i < n)%nat ->
  w t i = rescaled n (w a) (exp_flow n (correlation samples p x) (w a) (t - a)) i.
Proof.
  intros n samples p x a b w H t i Ht Hi. apply averaged_solves in H.
  now apply (oja_averaged_unique n _ a b w H t i Ht Hi).
Qed.

Corollary oja_averaged_rayleigh : forall n samples p x a b w, (forall s, (s < samples)%nat -> 0 <= p s) ->
  solves_vector n (fun _ w => averaged n samples p x w) nil a b w -> norm2 n (w a) = 1 ->
  forall s t, a <= s -> s <= t -> t <= b ->
  norm2 n (w t) = 1 /\
  sum samples (fun l => p l * dot n (w s) (x l) ^ 2) <= sum samples (fun l => p l * dot n (w t) (x l) ^ 2).
Proof.
  intros n samples p x a b w Hp H H1 s t Has Hst Htb. apply averaged_solves in H.
  assert (Hpos : forall w, 0 <= rayleigh n (correlation samples p x) w) by (intro; now apply correlation_nonneg).
  split; [apply (oja_averaged_sphere n _ a b Hpos w H a t); auto; lra|].
  rewrite <- !rayleigh_correlation.
  apply (rayleigh_nondecreasing n _ a b (correlation_sym samples p x) Hpos w H H1); assumption.
Qed.
