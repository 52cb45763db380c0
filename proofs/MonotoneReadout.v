(* T7: rules W' = β f(v − W k) kᵀ with a monotone f never drive two solutions under the same controls apart.
   Delta (f the identity), tanh-Delta and, on the transpose, softmax-Oja are such rules. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules.
Open Scope R_scope.

(* What each of the rules is, of the error v − W k. *)
Definition readout (f : vector -> vector) (m : nat) (W : matrix) (beta : R) (v k : vector) : matrix :=
  fun i j => beta * f (error m W v k) i * k j.

Lemma delta_readout : forall n m W beta v k i j,
  delta n m W beta v k i j = readout (fun e => e) m W beta v k i j.
Proof. reflexivity. Qed.

Lemma tanh_delta_readout : forall n m W beta v k i j,
  tanh_delta n m W beta v k i j = readout (fun e i => tanh (e i)) m W beta v k i j.
Proof. reflexivity. Qed.

Lemma softmax_oja_readout : forall n m W beta v k i j,
  softmax_oja n m W beta v k i j = transpose (readout (softmax m) n (transpose W) beta k v) i j.
Proof.
  intros n m W beta v k i j. unfold transpose at 1, readout, softmax_oja, softmax, error.
  assert (He : forall a, sum n (fun b => v b * W b a) = mv n (transpose W) v a)
    by (intro a; exact (vm_transpose n v W a)).
  rewrite He. rewrite (sum_ext m _ (fun a => exp (k a - mv n (transpose W) v a))); [ring|].
  intros a _. now rewrite He.
Qed.

(* ⟨f(a) − f(b), a − b⟩ ≥ 0 *)
Definition monotone (n : nat) (f : vector -> vector) : Prop :=
  forall a b : vector, 0 <= dot n (fun i => f a i - f b i) (fun i => a i - b i).

Lemma monotone_id : forall n, monotone n (fun e => e).
Proof. intros n a b. apply norm2_nonneg. Qed.

Lemma monotone_entrywise : forall n (f : R -> R),
  (forall x y, x <= y -> f x <= f y) -> monotone n (fun e i => f (e i)).
Proof.
  intros n f Hf a b. apply sum_nonneg; intros i _. destruct (Rle_dec (a i) (b i)) as [H|H].
  - generalize (Hf _ _ H). nra.
  - generalize (Hf (b i) (a i)). nra.
Qed.

(* tanh x = 1 − 2 / (e^{2x} + 1) is increasing. *)
Lemma tanh_exp : forall x, tanh x = 1 - 2 / (exp (2 * x) + 1).
Proof.
  intro x. unfold tanh, sinh, cosh. assert (Hx := exp_pos x).
  rewrite exp_Ropp. replace (2 * x) with (x + x) by ring. rewrite exp_plus. field.
  repeat split; nra.
Qed.

Lemma tanh_le : forall x y, x <= y -> tanh x <= tanh y.
Proof.
  intros x y H. rewrite !tanh_exp. assert (Hx := exp_pos (2 * x)).
  assert (Hxy : exp (2 * x) <= exp (2 * y)).
  { destruct H as [H| ->]; [left; apply exp_increasing; lra | right; reflexivity]. }
  assert (/ (exp (2 * y) + 1) <= / (exp (2 * x) + 1)) by (apply Rinv_le_contravar; lra). unfold Rdiv. lra.
Qed.

Lemma monotone_tanh : forall n, monotone n (fun e i => tanh (e i)).
Proof. intro n. apply monotone_entrywise, tanh_le. Qed.

(* With p = softmax(a), a_i = ln p_i + c: as Σ p = 1, ⟨p − q, a − b⟩ = Σ (p_i − q_i)(ln p_i − ln q_i) ≥ 0. *)
Lemma sum_exp_pos : forall n a, (0 < n)%nat -> 0 < sum n (fun i => exp (a i)).
Proof. intros n a Hn. apply sum_pos; [exact Hn | intros; apply exp_pos]. Qed.

Lemma softmax_pos : forall n a i, (0 < n)%nat -> 0 < softmax n a i.
Proof. intros n a i Hn. apply Rdiv_lt_0_compat; [apply exp_pos | now apply sum_exp_pos]. Qed.

Lemma sum_softmax : forall n a, (0 < n)%nat -> sum n (softmax n a) = 1.
Proof.
  intros n a Hn. assert (H := sum_exp_pos n a Hn). unfold softmax, Rdiv. rewrite sum_scal_r. field. lra.
Qed.

Lemma ln_softmax : forall n a i, (0 < n)%nat -> a i = ln (softmax n a i) + ln (sum n (fun i => exp (a i))).
Proof.
  intros n a i Hn. assert (H := sum_exp_pos n a Hn).
  unfold softmax. rewrite ln_div; [|apply exp_pos|exact H]. rewrite ln_exp. ring.
Qed.

Lemma monotone_softmax : forall n, monotone n (softmax n).
Proof.
  intros n a b. destruct n as [|n]; [apply Rle_refl|]. set (d := S n). assert (Hd : (0 < d)%nat) by (unfold d; lia).
  rewrite (dot_ext d _ (fun i => softmax d a i - softmax d b i) _
             (fun i => (ln (softmax d a i) - ln (softmax d b i))
                       + (ln (sum d (fun i => exp (a i))) - ln (sum d (fun i => exp (b i)))))); [|reflexivity|].
  2: { intros i _. generalize (ln_softmax d a i Hd) (ln_softmax d b i Hd). lra. }
  rewrite dot_plus_r. apply Rplus_le_le_0_compat.
  - apply sum_nonneg; intros i _. assert (Ha := softmax_pos d a i Hd). assert (Hb := softmax_pos d b i Hd).
    destruct (Rle_dec (softmax d a i) (softmax d b i)) as [H|H].
    + assert (ln (softmax d a i) <= ln (softmax d b i)) by now apply ln_le. nra.
    + assert (ln (softmax d b i) <= ln (softmax d a i)) by (apply ln_le; lra). nra.
  - apply Req_le. unfold dot. rewrite sum_scal_r, sum_minus, !sum_softmax by exact Hd. ring.
Qed.

(* Along a solution under constant keys and values the error e = v − W k obeys e' = −βκ f(e), κ = |k|². *)
Lemma readout_error_derive : forall f n m field (beta : R) (v k : vector) breaks a b W,
  (forall t W i j, field t W i j = readout f m W beta v k i j) -> solves n m field breaks a b W ->
  forall t i, a < t < b -> ~ In t breaks -> (i < n)%nat ->
  is_derive (fun s => error m (W s) v k i) t (- (beta * norm2 m k * f (error m (W t) v k) i)).
Proof.
  intros f n m field beta v k breaks a b W Hf H t i Ht Hn Hi.
  eapply derive_eq.
  - apply (derive_minus (fun _ => v i) (fun s => mv m (W s) k i)); [apply derive_const|].
    apply (derive_mv n m W (readout f m (W t) beta v k)); [|exact Hi].
    intros i' j' Hi' Hj'. rewrite <- (Hf t). eapply solves_derive; eauto.
  - change (mv m (readout f m (W t) beta v k) k i)
      with (mv m (outer (fun i => beta * f (error m (W t) v k) i) k) k i).
    rewrite mv_outer. unfold norm2. ring.
Qed.

Lemma error_cont : forall n m field breaks a b W (v k : vector), solves n m field breaks a b W ->
  forall t i, a <= t <= b -> (i < n)%nat -> continuous (fun s => error m (W s) v k i) t.
Proof.
  intros n m field breaks a b W v k H t i Ht Hi.
  apply (cont_minus (fun _ => v i) (fun s => mv m (W s) k i)); [apply cont_const|].
  apply (cont_dot m (fun s => W s i) (fun _ => k)); intros j Hj; [|apply cont_const]. eapply solves_cont; eauto.
Qed.

Section nonexpansive.
  (* Two solutions under the same controls. *)
  Variables (f : vector -> vector) (n m : nat) (beta : R -> R) (v k : R -> vector) (breaks : list R) (a b : R).
  Variables W1 W2 : R -> matrix.
  Let field (t : R) (W : matrix) := readout f m W (beta t) (v t) (k t).
  Let distance2 (t : R) := fro2 n m (fun i j => W1 t i j - W2 t i j).
  Hypothesis solution1 : solves n m field breaks a b W1.
  Hypothesis solution2 : solves n m field breaks a b W2.

  (* d/dt‖W₁ − W₂‖² = −2β⟨f(e₁) − f(e₂), e₁ − e₂⟩, e = v − W k *)
  Lemma readout_distance_derive : forall t, a < t < b -> ~ In t breaks ->
    is_derive distance2 t
      (- 2 * beta t * dot n (fun i => f (error m (W1 t) (v t) (k t)) i - f (error m (W2 t) (v t) (k t)) i)
                            (fun i => error m (W1 t) (v t) (k t) i - error m (W2 t) (v t) (k t) i)).
  Proof.
    intros t Ht Hn. unfold distance2.
    eapply derive_eq; [apply (derive_fro2 n m (fun t i j => W1 t i j - W2 t i j)
                                (fun i j => field t (W1 t) i j - field t (W2 t) i j))|].
    - intros i j Hi Hj. apply (derive_minus (fun s => W1 s i j) (fun s => W2 s i j));
        eapply solves_derive; eauto.
    - set (e1 := error m (W1 t) (v t) (k t)). set (e2 := error m (W2 t) (v t) (k t)).
      rewrite (inner_ext n m (fun i j => W1 t i j - W2 t i j) (fun i j => W1 t i j - W2 t i j)
                 _ (fun i j => beta t * ((f e1 i - f e2 i) * k t j)))
        by (intros; try reflexivity; unfold field, readout, e1, e2; ring).
      rewrite inner_scal_r, inner_outer.
      rewrite (dot_ext n _ (fun i => f e1 i - f e2 i) _ (fun i => -1 * (e1 i - e2 i))); [|reflexivity|].
      + rewrite dot_scal_r. ring.
      + intros i _. unfold e1, e2, error. rewrite mv_minus. ring.
  Qed.

  (* T7: for β ≥ 0 the distance never grows. *)
  Theorem monotone_readout_nonexpansive : monotone n f ->
    (forall t, a < t < b -> ~ In t breaks -> 0 <= beta t) ->
    forall s t, a <= s -> s <= t -> t <= b -> distance2 t <= distance2 s.
  Proof.
    intros Hf Hbeta s t Has Hst Htb. eapply (nonincreasing_between breaks distance2); [exact Hst | | |].
    - intros r Hr. apply (cont_fro2 n m (fun t i j => W1 t i j - W2 t i j)); intros i j Hi Hj.
      apply (cont_minus (fun s => W1 s i j) (fun s => W2 s i j)); eapply solves_cont; eauto; lra.
    - intros r Hr Hn. apply readout_distance_derive; [lra | exact Hn].
    - intros r Hr Hn. cbv beta.
      assert (0 <= beta r) by (apply Hbeta; [lra | exact Hn]).
      generalize (Hf (error m (W1 r) (v r) (k r)) (error m (W2 r) (v r) (k r))). nra.
  Qed.

  (* So the state at a determines the solution. *)
  Corollary readout_unique : monotone n f ->
    (forall t, a < t < b -> ~ In t breaks -> 0 <= beta t) ->
    (forall i j, (i < n)%nat -> (j < m)%nat -> W1 a i j = W2 a i j) ->
    forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> W1 t i j = W2 t i j.
  Proof.
    intros Hf Hbeta H0 t i j Ht Hi Hj. apply Rminus_diag_uniq.
    apply (fro2_eq_zero n m (fun i j => W1 t i j - W2 t i j)); [|exact Hi|exact Hj].
    apply Rle_antisym; [|apply fro2_nonneg].
    replace 0 with (distance2 a).
    - apply monotone_readout_nonexpansive; auto; lra.
    - unfold distance2. rewrite (fro2_ext n m _ (fun _ _ => 0 * 0)) by (intros; rewrite H0; auto; ring).
      rewrite fro2_scal. ring.
  Qed.
End nonexpansive.

(* A rule that is a read-out has the solutions of that read-out. *)
Lemma solves_readout : forall n m f field (beta : R -> R) (v k : R -> vector) breaks a b W,
  (forall t W i j, field t W i j = readout f m W (beta t) (v t) (k t) i j) ->
  solves n m field breaks a b W -> solves n m (fun t W => readout f m W (beta t) (v t) (k t)) breaks a b W.
Proof.
  intros n m f field beta v k breaks a b W Heq H i j Hi Hj. destruct (H i j Hi Hj) as [Hc Hd].
  split; [exact Hc|]. intros t Ht Hn. rewrite <- Heq. auto.
Qed.

Section rules.
  Variables (n m : nat) (beta : R -> R) (v k : R -> vector) (breaks : list R) (a b : R) (W1 W2 : R -> matrix).
  Hypothesis beta_nonneg : forall t, a < t < b -> ~ In t breaks -> 0 <= beta t.
  Let distance2 (t : R) := fro2 n m (fun i j => W1 t i j - W2 t i j).

  (* T7 of tanh_delta *)
  Theorem tanh_delta_nonexpansive :
    solves n m (fun t W => tanh_delta n m W (beta t) (v t) (k t)) breaks a b W1 ->
    solves n m (fun t W => tanh_delta n m W (beta t) (v t) (k t)) breaks a b W2 ->
    forall s t, a <= s -> s <= t -> t <= b -> distance2 t <= distance2 s.
  Proof.
    intros H1 H2. apply (monotone_readout_nonexpansive (fun e i => tanh (e i)) n m beta v k breaks).
    - eapply solves_readout; [|exact H1]. intros. apply tanh_delta_readout.
    - eapply solves_readout; [|exact H2]. intros. apply tanh_delta_readout.
    - apply monotone_tanh.
    - exact beta_nonneg.
  Qed.

  (* T7 of softmax_oja, by T2: W ↦ Wᵀ, keys and values exchanged *)
  Lemma softmax_oja_solves_transpose : forall W,
    solves n m (fun t W => softmax_oja n m W (beta t) (v t) (k t)) breaks a b W ->
    solves m n (fun t W => readout (softmax m) n W (beta t) (k t) (v t)) breaks a b (fun t => transpose (W t)).
  Proof.
    intros W H j i Hj Hi. destruct (H i j Hi Hj) as [Hc Hd]. split; [exact Hc|]. intros t Ht Hn.
    eapply derive_eq; [exact (Hd t Ht Hn) | apply softmax_oja_readout].
  Qed.

  Theorem softmax_oja_nonexpansive :
    solves n m (fun t W => softmax_oja n m W (beta t) (v t) (k t)) breaks a b W1 ->
    solves n m (fun t W => softmax_oja n m W (beta t) (v t) (k t)) breaks a b W2 ->
    forall s t, a <= s -> s <= t -> t <= b -> distance2 t <= distance2 s.
  Proof.
    intros H1 H2 s t Has Hst Htb. unfold distance2. rewrite !(fro2_transpose n m).
    apply (monotone_readout_nonexpansive (softmax m) m n beta k v breaks a b
             (fun t => transpose (W1 t)) (fun t => transpose (W2 t)));
      auto using softmax_oja_solves_transpose, monotone_softmax.
  Qed.

  (* So the state at a determines the solution of softmax_oja. *)
  Corollary softmax_oja_unique :
    solves n m (fun t W => softmax_oja n m W (beta t) (v t) (k t)) breaks a b W1 ->
    solves n m (fun t W => softmax_oja n m W (beta t) (v t) (k t)) breaks a b W2 ->
    (forall i j, (i < n)%nat -> (j < m)%nat -> W1 a i j = W2 a i j) ->
    forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> W1 t i j = W2 t i j.
  Proof.
    intros H1 H2 H0 t i j Ht Hi Hj.
    apply (readout_unique (softmax m) m n beta k v breaks a b (fun t => transpose (W1 t)) (fun t => transpose (W2 t)));
      auto using softmax_oja_solves_transpose, monotone_softmax. intros; now apply H0.
  Qed.
End rules.
