(* Oja's subspace rule: ‖I − W Wᵀ‖ is a Lyapunov function under any input. *)
From Coq Require Import Reals Lra List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Primitives TensorMore Rules.
Open Scope R_scope.

(* P = W Wᵀ, I − P and Q = β y yᵀ with y = W k. *)
Definition gram (n_key : nat) (W : matrix) : matrix := mm n_key W (transpose W).
Definition defect (n_key : nat) (W : matrix) : matrix := msub eye (gram n_key W).
Definition drive (n_key : nat) (W : matrix) (beta : R) (k : vector) : matrix :=
  fun i j => beta * outer (mv n_key W k) (mv n_key W k) i j.

Lemma gram_sym : forall n_key W i j, gram n_key W i j = gram n_key W j i.
Proof. intros. unfold gram, mm, transpose. apply sum_ext; intros. ring. Qed.

Lemma defect_sym : forall n_key W i j, defect n_key W i j = defect n_key W j i.
Proof. intros. unfold defect, msub. now rewrite eye_sym, gram_sym. Qed.

(* F Wᵀ = Q (I − P), F the rate of the rule. *)
Lemma oja_subspace_times_transpose : forall n_value n_key W beta k i j, (j < n_value)%nat ->
  mm n_key (oja_subspace n_value n_key W beta k) (transpose W) i j
  = mm n_value (drive n_key W beta k) (defect n_key W) i j.
Proof.
  intros n_value n_key W beta k i j Hj.
  transitivity (beta * mv n_key W k i * (mv n_key W k j - dot n_value (mv n_key W k) (fun l => gram n_key W l j))).
  - transitivity (sum n_key (fun key =>
      beta * mv n_key W k i * (W j key * k key - vm n_value (mv n_key W k) W key * W j key))).
    { apply sum_ext; intros key _. unfold oja_subspace, transpose, vm, mv. ring. }
    rewrite sum_scal_l, sum_minus. do 2 f_equal.
    unfold vm, dot, gram, mm, transpose.
    rewrite (sum_ext n_key _ (fun key => sum n_value (fun l => mv n_key W k l * (W l key * W j key))))
      by (intros; rewrite <- sum_scal_r; apply sum_ext; intros; ring).
    rewrite sum_swap. apply sum_ext; intros. apply sum_scal_l.
  - unfold defect, msub. rewrite mm_minus_r, mm_eye_r by exact Hj.
    unfold drive, dot. rewrite mm_scal_l. unfold mm, outer.
    rewrite (sum_ext n_value (fun a => _ * _ * _) (fun l => mv n_key W k i * (mv n_key W k l * gram n_key W l j)))
      by (intros; ring).
    rewrite sum_scal_l. ring.
Qed.

(* T16: P′ = Q (I − P) + (I − P) Q, for any k(t) and β(t). *)
Theorem oja_subspace_gram_derive : forall n_value n_key (W : R -> matrix) beta k t,
  (forall i j, (i < n_value)%nat -> (j < n_key)%nat ->
    is_derive (fun s => W s i j) t (oja_subspace n_value n_key (W t) (beta t) (k t) i j)) ->
  let Q := drive n_key (W t) (beta t) (k t) in
  forall i j, (i < n_value)%nat -> (j < n_value)%nat ->
  is_derive (fun s => gram n_key (W s) i j) t
    (mm n_value Q (defect n_key (W t)) i j + mm n_value (defect n_key (W t)) Q i j).
Proof.
  intros n_value n_key W beta k t H Q i j Hi Hj.
  set (F := oja_subspace n_value n_key (W t) (beta t) (k t)).
  apply derive_eq with (dot n_key (F i) (W t j) + dot n_key (W t i) (F j)).
  - apply (derive_dot n_key (fun s => W s i) (fun s => W s j)); intros; now apply H.
  - f_equal.
    + now apply (oja_subspace_times_transpose n_value n_key (W t) (beta t) (k t) i j).
    + rewrite dot_sym. transitivity (mm n_value Q (defect n_key (W t)) j i).
      * now apply (oja_subspace_times_transpose n_value n_key (W t) (beta t) (k t) j i).
      * apply sum_ext; intros. rewrite (defect_sym _ _ i0 i). unfold Q, drive, outer. ring.
Qed.

(* tr((I − P) Q (I − P)) = β |(I − P) y|² ≥ 0 *)
Lemma trace_drive : forall n_value n_key W beta k,
  let D := defect n_key W in
  trace n_value (mm n_value D (mm n_value (drive n_key W beta k) D))
  = beta * norm2 n_value (mv n_value D (mv n_key W k)).
Proof.
  intros. set (y := mv n_key W k).
  assert (HD : forall i, vm n_value y D i = mv n_value D y i).
  { intros. unfold vm, mv. apply sum_ext; intros. unfold D. rewrite (defect_sym _ _ i0 i). ring. }
  rewrite (trace_ext n_value _ (fun i j => beta * outer (mv n_value D y) (mv n_value D y) i j)).
  - rewrite trace_scal. reflexivity.
  - intros i _. rewrite mm_assoc. unfold drive. fold y.
    transitivity (sum n_value (fun l => beta * mv n_value D y i * (y l * D l i))).
    + apply sum_ext; intros l _. rewrite mm_scal_r. unfold mm, outer, mv.
      rewrite (sum_ext n_value (fun a => D i a * (y a * y l)) (fun a => D i a * y a * y l)) by (intros; ring).
      rewrite sum_scal_r. ring.
    + rewrite sum_scal_l. fold (vm n_value y D i). rewrite HD. unfold outer. ring.
Qed.

(* T16: d/dt ‖I − P‖² = −4 tr((I − P) Q (I − P)) *)
Theorem oja_subspace_defect_derive : forall n_value n_key (W : R -> matrix) beta k t,
  (forall i j, (i < n_value)%nat -> (j < n_key)%nat ->
    is_derive (fun s => W s i j) t (oja_subspace n_value n_key (W t) (beta t) (k t) i j)) ->
  let D := defect n_key (W t) in
  is_derive (fun s => fro2 n_value n_value (defect n_key (W s))) t
    (-4 * trace n_value (mm n_value D (mm n_value (drive n_key (W t) (beta t) (k t)) D))).
Proof.
  intros n_value n_key W beta k t H D.
  set (Q := drive n_key (W t) (beta t) (k t)). set (y := mv n_key (W t) (k t)).
  apply derive_eq with (2 * inner n_value n_value D (fun i j => 0 - (mm n_value Q D i j + mm n_value D Q i j))).
  - apply (derive_fro2 n_value n_value (fun s => defect n_key (W s))); intros i j Hi Hj.
    apply (derive_minus (fun _ => eye i j) (fun s => gram n_key (W s) i j)); [apply derive_const|].
    now apply oja_subspace_gram_derive.
  - unfold Q at 3, D. rewrite trace_drive. fold D y.
    assert (Hadj : dot n_value y (mv n_value D (mv n_value D y)) = norm2 n_value (mv n_value D y)).
    { rewrite dot_mv. apply dot_ext; [|reflexivity]. intros i _. rewrite vm_transpose.
      apply sum_ext; intros. unfold transpose, D. now rewrite defect_sym. }
    rewrite (inner_ext n_value n_value D D _
      (fun i j => - beta t * (y i * mv n_value D y j) + - beta t * (mv n_value D y i * y j))); [|reflexivity|].
    + rewrite inner_plus_r, !inner_scal_r, !inner_outer, Hadj. unfold norm2. ring.
    + intros i j _ _. unfold mm, mv, Q, drive, outer. fold y.
      rewrite (sum_ext n_value (fun a => beta t * (_ i * _ a) * _) (fun a => beta t * y i * (D j a * y a)))
        by (intros; unfold D; rewrite (defect_sym _ _ i0 j); fold y; ring).
      rewrite (sum_ext n_value (fun a => _ * (beta t * (_ a * _ j))) (fun a => D i a * y a * (beta t * y j)))
        by (intros; fold y; ring).
      rewrite sum_scal_l, sum_scal_r. ring.
Qed.

Section Subspace.

(* A solution W on [a, b] for inputs k(t) and rates β(t) ≥ 0 that may jump at finitely many times. *)
Variables (n_value n_key : nat) (beta : R -> R) (k : R -> vector) (W : R -> matrix) (breaks : list R) (a b : R).
Hypothesis beta_nonneg : forall t, a <= t <= b -> 0 <= beta t.
Hypothesis solution :
  solves n_value n_key (fun t V => oja_subspace n_value n_key V (beta t) (k t)) breaks a b W.

(* T16: ‖I − W Wᵀ‖ is nonincreasing. *)
Theorem oja_subspace_lyapunov : forall s t, a <= s -> s <= t -> t <= b ->
  fro n_value n_value (defect n_key (W t)) <= fro n_value n_value (defect n_key (W s)).
Proof.
  intros s t Has Hst Htb. apply sqrt_le_1_alt.
  apply (nonincreasing_between breaks (fun x => fro2 n_value n_value (defect n_key (W x)))
    (fun x => -4 * trace n_value (mm n_value (defect n_key (W x))
      (mm n_value (drive n_key (W x) (beta x) (k x)) (defect n_key (W x))))) s t Hst).
  - intros x Hx. apply (cont_fro2 n_value n_value (fun x => defect n_key (W x))). intros i j Hi Hj.
    apply (cont_minus (fun _ => eye i j) (fun x => gram n_key (W x) i j)); [apply cont_const|].
    apply (cont_dot n_key (fun x => W x i) (fun x => W x j)); intros; apply solution; auto; lra.
  - intros x Hx Hn. apply oja_subspace_defect_derive. intros. apply solution; auto; lra.
  - intros x Hx _. rewrite trace_drive. assert (0 <= beta x) by (apply beta_nonneg; lra).
    generalize (norm2_nonneg n_value (mv n_value (defect n_key (W x)) (mv n_key (W x) (k x)))). intros. nra.
Qed.

(* T16: orthonormal rows stay so: W(s) W(s)ᵀ = I ⇒ W(t) W(t)ᵀ = I for t ≥ s. *)
Theorem oja_subspace_orthonormal : forall s t, a <= s -> s <= t -> t <= b ->
  (forall i j, (i < n_value)%nat -> (j < n_value)%nat -> gram n_key (W s) i j = eye i j) ->
  forall i j, (i < n_value)%nat -> (j < n_value)%nat -> gram n_key (W t) i j = eye i j.
Proof.
  intros s t Has Hst Htb H i j Hi Hj. symmetry. apply Rminus_diag_uniq.
  change (defect n_key (W t) i j = 0). apply (fro2_eq_zero n_value n_value); auto.
  assert (Hs : fro n_value n_value (defect n_key (W s)) = 0).
  { unfold fro. rewrite (fro2_ext n_value n_value _ (fun _ _ => 0)).
    - unfold fro2, inner. rewrite sum_eq_zero; [apply sqrt_0|]. intros. apply sum_eq_zero. intros. ring.
    - intros. unfold defect, msub. rewrite H; auto. ring. }
  generalize (oja_subspace_lyapunov s t Has Hst Htb) (fro_nonneg n_value n_value (defect n_key (W t))).
  rewrite Hs, <- fro_sqr. intros. replace (fro n_value n_value (defect n_key (W t))) with 0 by lra. ring.
Qed.

End Subspace.
