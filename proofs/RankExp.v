(* The exponential of a matrix of rank r, from an r × r matrix: the exact step of rules that write r vectors. *)
From Coq Require Import Reals FunctionalExtensionality Lra Lia.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Primitives TensorMore MatrixExp Rules MonotoneReadout DeltaStep Magnus.
Open Scope R_scope.

(* φ₁(A) = Σ_j A^j/(j + 1)! *)
Definition phi1 (n : nat) (A : matrix) : matrix := fun i k => Series (fun j => mpow n A j i k * / INR (fact (S j))).

(* T11: (U Vᵀ)^{j+1} = U (Vᵀ U)^j Vᵀ for U, V of n × r *)
Theorem mpow_rank : forall n r U V j i k, (k < n)%nat ->
  mpow n (mm r U (transpose V)) (S j) i k
  = mm r U (mm r (mpow r (mm n (transpose V) U) j) (transpose V)) i k.
Proof.
  intros n r U V j. induction j as [|j IH]; intros i k Hk.
  - simpl. rewrite mm_eye_r by exact Hk. apply mm_ext; [reflexivity|]. intros a Ha. now rewrite mm_eye_l.
  - change (mm n (mm r U (transpose V)) (mpow n (mm r U (transpose V)) (S j)) i k
            = mm r U (mm r (mm r (mm n (transpose V) U) (mpow r (mm n (transpose V) U) j)) (transpose V)) i k).
    set (B := mm n (transpose V) U) in *.
    rewrite (mm_ext n _ (mm r U (transpose V)) _ (mm r U (mm r (mpow r B j) (transpose V)))) by auto.
    rewrite <- mm_assoc. apply mm_ext; [reflexivity|]. intros a Ha.
    rewrite mm_assoc. fold B. now rewrite mm_assoc.
Qed.

(* T11 of the partial sums: Σ_{j ≤ N} (U Vᵀ)^j/j! = I + U (Σ_{j < N} (Vᵀ U)^j/(j + 1)!) Vᵀ *)
Theorem exp_rank_partial : forall n r U V N i k, (k < n)%nat ->
  sum (S N) (fun j => mpow n (mm r U (transpose V)) j i k * / INR (fact j))
  = eye i k + mm r U (mm r (fun a b => sum N (fun j => mpow r (mm n (transpose V) U) j a b * / INR (fact (S j))))
                       (transpose V)) i k.
Proof.
  intros n r U V N i k Hk. set (B := mm n (transpose V) U).
  replace (S N) with (1 + N)%nat by lia. rewrite sum_app. f_equal; [simpl; field|].
  transitivity (sum N (fun j => / INR (fact (S j)) * mm r U (mm r (mpow r B j) (transpose V)) i k)).
  { apply sum_ext; intros j _. change (1 + j)%nat with (S j). rewrite mpow_rank by exact Hk. fold B. ring. }
  unfold mm at 1 3.
  rewrite (sum_ext N _ (fun j => sum r (fun a =>
    U i a * (/ INR (fact (S j)) * mm r (mpow r B j) (transpose V) a k))))
    by (intros; rewrite <- sum_scal_l; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_ext; intros a _. rewrite sum_scal_l. f_equal. unfold mm.
  rewrite (sum_ext N _ (fun j => sum r (fun b => mpow r B j a b * / INR (fact (S j)) * transpose V b k)))
    by (intros; rewrite <- sum_scal_l; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_ext; intros b _. apply sum_scal_r.
Qed.

Lemma ex_series_phi1 : forall n A i k, (i < n)%nat -> ex_series (fun j => mpow n A j i k * / INR (fact (S j))).
Proof.
  intros n A i k Hi. set (s := sum n (fun a => sum n (fun b => Rabs (A a b)))).
  apply (ex_series_le (V := R_CompleteNormedModule) _ (fun j => s ^ j * / INR (fact j))); [|apply ex_series_exp].
  intro j. change (Rabs (mpow n A j i k * / INR (fact (S j))) <= s ^ j * / INR (fact j)).
  rewrite Rabs_mult, (Rabs_right (/ _)).
  - apply Rmult_le_compat; [apply Rabs_pos | apply Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0 | now apply mpow_bound |].
    apply Rinv_le_contravar; [apply INR_fact_lt_0 | apply le_INR, fact_le; lia].
  - apply Rle_ge, Rlt_le, Rinv_0_lt_compat, INR_fact_lt_0.
Qed.

(* T11: exp(U Vᵀ) = I + U φ₁(Vᵀ U) Vᵀ, as convergent series *)
Theorem exp_rank : forall n r U V i k, (i < n)%nat -> (k < n)%nat ->
  mexp n (mm r U (transpose V)) i k
  = eye i k + mm r U (mm r (phi1 r (mm n (transpose V) U)) (transpose V)) i k.
Proof.
  intros n r U V i k Hi Hk. set (B := mm n (transpose V) U). unfold mexp.
  rewrite Series_incr_1 by now apply ex_series_mexp. f_equal; [simpl; field|].
  rewrite (Series_ext _ (fun j => sum r (fun a => U i a * sum r (fun b =>
    mpow r B j a b * / INR (fact (S j)) * transpose V b k)))).
  - apply is_series_unique. apply (is_series_sum r (fun a j => U i a * _)). intros a Ha.
    apply (is_series_scal_l (U i a) _ (mm r (phi1 r B) (transpose V) a k)).
    apply (is_series_sum r (fun b j => mpow r B j a b * / INR (fact (S j)) * transpose V b k)). intros b Hb.
    apply (is_series_scal_r (transpose V b k) (fun j => mpow r B j a b * / INR (fact (S j))) (phi1 r B a b)).
    apply (Series_correct (fun j => mpow r B j a b * / INR (fact (S j)))). now apply ex_series_phi1.
  - intro j. rewrite mpow_rank by exact Hk. fold B. unfold mm. rewrite <- sum_scal_r. apply sum_ext; intros a _.
    rewrite Rmult_assoc. f_equal. rewrite <- sum_scal_r. apply sum_ext; intros b _. ring.
Qed.

(* φ₁ of a number: φ₁(x) x = eˣ − 1. *)
Lemma mpow_one : forall A j, mpow 1 A j O O = A O O ^ j.
Proof. intros A j. induction j as [|j IH]; simpl; [reflexivity|]. unfold mm. simpl. rewrite IH. ring. Qed.

Lemma phi1_one : forall A, phi1 1 A O O * A O O = exp (A O O) - 1.
Proof.
  intro A. unfold phi1. set (x := A O O).
  assert (He : is_series (fun j => x ^ j * / INR (fact j)) (exp x)).
  { apply (is_series_ext (fun j => / INR (fact j) * x ^ j)); [intros; apply Rmult_comm|].
    apply is_pseries_R, is_exp_Reals. }
  rewrite <- (is_series_unique _ _ He), (Series_incr_1 (fun j => x ^ j * _)) by (now exists (exp x)).
  rewrite <- Series_scal_r.
  rewrite (Series_ext (fun j => mpow 1 A j O O * / INR (fact (S j)) * x) (fun j => x ^ S j * / INR (fact (S j)))).
  - simpl. field.
  - intro j. rewrite mpow_one. fold x. change (x ^ S j) with (x * x ^ j). ring.
Qed.

(* T11 with T12's generator of one Delta step, r = 1: exp(hG) = I − α(h) kkᵀ for G = −βkkᵀ, … *)
Theorem exp_rank_one : forall n h beta k i j, (i < n)%nat -> (j < n)%nat ->
  mexp n (fun a b => h * generator beta k k a b) i j = eye i j - alpha beta (norm2 n k) h * k i * k j.
Proof.
  intros n h beta k i j Hi Hj.
  set (U := fun (a _ : nat) => - (h * beta) * k a). set (V := fun (a _ : nat) => k a).
  assert (HG : (fun a b => h * generator beta k k a b) = mm 1 U (transpose V)).
  { apply functional_extensionality; intro a. apply functional_extensionality; intro b.
    unfold generator, outer, mm, transpose, U, V. simpl. ring. }
  rewrite HG, exp_rank by assumption. set (B := mm n (transpose V) U).
  assert (HB : B O O = - (beta * norm2 n k * h)).
  { unfold B, mm, transpose, U, V, norm2, dot.
    rewrite (sum_ext n _ (fun a => - (h * beta) * (k a * k a))) by (intros; ring). rewrite sum_scal_l. ring. }
  assert (HP := phi1_one B). rewrite HB in HP. unfold mm, transpose, U, V, alpha. simpl.
  destruct (Req_dec (norm2 n k) 0) as [Hk|Hk].
  - rewrite (norm2_eq_zero n k Hk i Hi). ring.
  - replace (exp (- (beta * norm2 n k * h))) with (1 + phi1 1 B O O * - (beta * norm2 n k * h)) by lra. field. exact Hk.
Qed.

(* … by which the exact step multiplies the state, as the generated rate does by G: Φ_h(W) − Φ_h(0) = W exp(hG). *)
Theorem delta_step_exponential : forall n_value n_key h beta v k W i j, (j < n_key)%nat ->
  let G := generator beta k k in
  delta n_value n_key W beta v k i j - delta n_value n_key (fun _ _ => 0) beta v k i j = mm n_key W G i j /\
  delta_step n_key h W beta v k i j - delta_step n_key h (fun _ _ => 0) beta v k i j
  = mm n_key W (mexp n_key (fun a b => h * G a b)) i j.
Proof.
  intros n_value n_key h beta v k W i j Hj G. split; [apply delta_generator|].
  set (al := alpha beta (norm2 n_key k) h).
  rewrite (mm_ext n_key W W _ (fun a b => eye a b - al * k a * k b)); [| reflexivity | intros; now apply exp_rank_one].
  rewrite mm_minus_r, mm_eye_r by exact Hj.
  transitivity (W i j - al * mv n_key W k i * k j).
  - unfold delta_step, rank_one_step, error. fold al.
    replace (mv n_key (fun _ _ => 0) k i) with 0 by (symmetry; apply sum_eq_zero; intros; ring). ring.
  - f_equal. unfold mm, mv. rewrite <- sum_scal_l, <- sum_scal_r. apply sum_ext; intros. ring.
Qed.
