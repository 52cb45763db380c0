(* T8: tanh-Delta under constant controls in closed form. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules MonotoneReadout.
Open Scope R_scope.

(* e(t) = asinh(e^{−βκt} sinh e(0)), and W(t) = W(0) + (e(0) − e(t)) kᵀ/κ, κ = |k|². *)
Definition tanh_error (beta kappa h x : R) : R := arcsinh (exp (- (beta * kappa * h)) * sinh x).
Definition tanh_delta_step (m : nat) (h : R) (W : matrix) (beta : R) (v k : vector) : matrix :=
  fun i j =>
    W i j + / norm2 m k * (error m W v k i - tanh_error beta (norm2 m k) h (error m W v k i)) * k j.

Lemma cosh_pos : forall x, 0 < cosh x.
Proof. intro x. unfold cosh. assert (H1 := exp_pos x). assert (H2 := exp_pos (- x)). lra. Qed.

Lemma cosh_sqrt : forall x, sqrt (sinh x ^ 2 + 1) = cosh x.
Proof.
  intro x. replace (sinh x ^ 2 + 1) with (Rsqr (cosh x)).
  - apply sqrt_Rsqr. left. apply cosh_pos.
  - unfold Rsqr, sinh, cosh. assert (H : exp x * exp (- x) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0). nra.
Qed.

Lemma tanh_error_zero : forall beta kappa x, tanh_error beta kappa 0 x = x.
Proof. intros. unfold tanh_error. rewrite Rmult_0_r, Ropp_0, exp_0, Rmult_1_l. apply arcsinh_sinh. Qed.

Lemma tanh_error_kappa_zero : forall beta h x, tanh_error beta 0 h x = x.
Proof. intros. unfold tanh_error. rewrite Rmult_0_r, Rmult_0_l, Ropp_0, exp_0, Rmult_1_l. apply arcsinh_sinh. Qed.

Lemma tanh_error_add : forall beta kappa s t x,
  tanh_error beta kappa s (tanh_error beta kappa t x) = tanh_error beta kappa (s + t) x.
Proof.
  intros. unfold tanh_error. rewrite sinh_arcsinh.
  replace (- (beta * kappa * (s + t))) with (- (beta * kappa * s) + - (beta * kappa * t)) by ring.
  rewrite exp_plus. f_equal. ring.
Qed.

(* e' = −βκ tanh e *)
Lemma derive_tanh_error : forall beta kappa h x,
  is_derive (fun h => tanh_error beta kappa h x) h (- (beta * kappa * tanh (tanh_error beta kappa h x))).
Proof.
  intros beta kappa h x. set (y := exp (- (beta * kappa * h)) * sinh x).
  apply derive_eq with (/ sqrt (y ^ 2 + 1) * (- (beta * kappa) * y)).
  - apply (derive_comp arcsinh (fun h => exp (- (beta * kappa * h)) * sinh x)).
    + apply is_derive_Reals. exact (derivable_pt_lim_arcsinh y).
    + unfold y. auto_derive; [trivial | ring].
  - unfold tanh_error. fold y. unfold tanh. assert (Hy := sinh_arcsinh y). set (r := arcsinh y) in *.
    rewrite <- Hy, cosh_sqrt. unfold Rdiv. ring.
Qed.

(* T8: tanh_delta's error along the closed form, for κ = 0 too *)
Theorem tanh_delta_residual : forall m h W beta v k i,
  error m (tanh_delta_step m h W beta v k) v k i = tanh_error beta (norm2 m k) h (error m W v k i).
Proof.
  intros. unfold tanh_delta_step.
  rewrite (error_rank_one m W _ (fun i => error m W v k i - tanh_error beta (norm2 m k) h (error m W v k i))).
  destruct (Req_dec (norm2 m k) 0) as [->|Hk]; [rewrite tanh_error_kappa_zero; ring | field; exact Hk].
Qed.

Theorem tanh_delta_step_zero : forall m W beta v k i j, tanh_delta_step m 0 W beta v k i j = W i j.
Proof. intros. unfold tanh_delta_step. rewrite tanh_error_zero. ring. Qed.

(* T8: the closed form solves the generated equation *)
Theorem tanh_delta_closed : forall n m h W beta v k i j, (j < m)%nat ->
  is_derive (fun h => tanh_delta_step m h W beta v k i j) h
    (tanh_delta n m (tanh_delta_step m h W beta v k) beta v k i j).
Proof.
  intros n m h W beta v k i j Hj. rewrite tanh_delta_readout. unfold readout. rewrite tanh_delta_residual.
  destruct (Req_dec (norm2 m k) 0) as [Hk|Hk].
  - assert (Hkj := norm2_eq_zero m k Hk j Hj). apply (derive_ext (fun _ => W i j)).
    + intro s. unfold tanh_delta_step. rewrite Hkj. ring.
    + apply derive_eq with 0; [apply derive_const | rewrite Hkj; ring].
  - unfold tanh_delta_step. set (kappa := norm2 m k) in *. set (e := error m W v k i).
    apply derive_eq with (0 + / kappa * (0 - - (beta * kappa * tanh (tanh_error beta kappa h e))) * k j);
      [|field; exact Hk].
    apply (derive_plus (fun _ => W i j) (fun h => / kappa * (e - tanh_error beta kappa h e) * k j));
      [apply derive_const|].
    apply (derive_scal_r (k j) (fun h => / kappa * (e - tanh_error beta kappa h e))).
    apply (derive_scal (/ kappa) (fun h => e - tanh_error beta kappa h e)).
    apply (derive_minus (fun _ => e) (fun h => tanh_error beta kappa h e)); [apply derive_const|].
    apply derive_tanh_error.
Qed.

(* T8: a semigroup *)
Theorem tanh_delta_semigroup : forall m s t W beta v k i j,
  tanh_delta_step m s (tanh_delta_step m t W beta v k) beta v k i j = tanh_delta_step m (s + t) W beta v k i j.
Proof.
  intros. unfold tanh_delta_step at 1. rewrite tanh_delta_residual, tanh_error_add.
  unfold tanh_delta_step. ring.
Qed.

(* T8: "the" solution, whatever the sign of β: (sinh e)' = −βκ sinh e determines e, and e determines the rate *)
Theorem tanh_delta_flow_unique : forall n m (beta : R) (v k : vector) breaks a b W,
  solves n m (fun _ W => tanh_delta n m W beta v k) breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> W t i j = tanh_delta_step m (t - a) (W a) beta v k i j.
Proof.
  intros n m beta v k breaks a b W H.
  apply (solves_same_rate n m _ (fun _ W => tanh_delta n m W beta v k) breaks a b W _ H).
  - apply (solves_shift n m (fun W => tanh_delta n m W beta v k) breaks a b a
             (fun h => tanh_delta_step m h (W a) beta v k)).
    intros. now apply tanh_delta_closed.
  - intros i j _ _. replace (a - a) with 0 by ring. now rewrite tanh_delta_step_zero.
  - intros t i j Ht Hn Hi Hj. rewrite !(tanh_delta_readout n). unfold readout. rewrite tanh_delta_residual.
    do 3 f_equal. rewrite <- (arcsinh_sinh (error m (W t) v k i)). unfold tanh_error. f_equal.
    apply (exponential_between breaks (fun s => sinh (error m (W s) v k i))); [lra | |].
    + intros r Hr. apply (continuous_comp (fun s => error m (W s) v k i) sinh); [eapply error_cont; eauto; lra|].
      eapply cont_derive, is_derive_Reals, derivable_pt_lim_sinh.
    + intros r Hr Hnr. eapply derive_eq.
      * apply (derive_comp sinh (fun s => error m (W s) v k i)); [apply is_derive_Reals, derivable_pt_lim_sinh|].
        apply (readout_error_derive (fun e i => tanh (e i)) n m _ beta v k breaks a b W
                 (fun t W => tanh_delta_readout n m W beta v k) H); auto; lra.
      * unfold tanh. field. apply Rgt_not_eq, cosh_pos.
Qed.

(* T8: for βκh ≥ 0 each |e_i| shrinks, and e_i keeps its sign *)
Lemma sinh_le : forall x y, x <= y -> sinh x <= sinh y.
Proof. intros x y [H| ->]; [left; now apply sinh_lt | apply Rle_refl]. Qed.

Lemma tanh_error_between : forall beta kappa h x, 0 <= beta * kappa * h -> 0 <= x ->
  0 <= tanh_error beta kappa h x <= x.
Proof.
  intros beta kappa h x Hh Hx. unfold tanh_error. assert (Hs := sinh_le 0 x Hx). rewrite sinh_0 in Hs.
  assert (Hpos := exp_pos (- (beta * kappa * h))).
  assert (Hle : exp (- (beta * kappa * h)) <= 1).
  { rewrite <- exp_0. destruct Hh as [Hh|Hh]; [left; apply exp_increasing; lra | right; f_equal; lra]. }
  split.
  - rewrite <- arcsinh_0. apply arcsinh_le. nra.
  - rewrite <- (arcsinh_sinh x) at 2. apply arcsinh_le. nra.
Qed.

Lemma tanh_error_opp : forall beta kappa h x, tanh_error beta kappa h (- x) = - tanh_error beta kappa h x.
Proof.
  intros. assert (Hodd : forall y, sinh (- y) = - sinh y) by (intro; unfold sinh; rewrite Ropp_involutive; field).
  rewrite <- (arcsinh_sinh (- tanh_error beta kappa h x)). rewrite Hodd. unfold tanh_error.
  rewrite sinh_arcsinh, Hodd. f_equal. ring.
Qed.

Theorem tanh_delta_shrinks : forall m h W beta v k i, 0 <= beta -> 0 <= h ->
  let e := error m W v k i in
  let e' := error m (tanh_delta_step m h W beta v k) v k i in Rabs e' <= Rabs e /\ 0 <= e * e'.
Proof.
  intros m h W beta v k i Hb Hh e e'. unfold e'. rewrite tanh_delta_residual. fold e.
  assert (Hx : 0 <= beta * norm2 m k * h) by (repeat apply Rmult_le_pos; auto using norm2_nonneg).
  destruct (Rle_dec 0 e) as [He|He].
  - assert (H := tanh_error_between beta (norm2 m k) h e Hx He). rewrite !Rabs_right by lra. split; [lra | nra].
  - assert (H := tanh_error_between beta (norm2 m k) h (- e) Hx ltac:(lra)). rewrite tanh_error_opp in H.
    rewrite !Rabs_left1 by lra. split; [lra | nra].
Qed.

(* T7 of the closed form: for β, h ≥ 0 two states are not driven apart *)
Corollary tanh_delta_step_nonexpansive : forall n m h W1 W2 beta v k, 0 <= beta -> 0 <= h ->
  fro2 n m (fun i j => tanh_delta_step m h W1 beta v k i j - tanh_delta_step m h W2 beta v k i j)
  <= fro2 n m (fun i j => W1 i j - W2 i j).
Proof.
  intros n m h W1 W2 beta v k Hb Hh.
  assert (Hsolves : forall W, solves n m (fun _ W => tanh_delta n m W beta v k) nil 0 h
                                (fun t => tanh_delta_step m t W beta v k)).
  { intro W. apply solves_of_derive. intros. now apply tanh_delta_closed. }
  assert (H := tanh_delta_nonexpansive n m (fun _ => beta) (fun _ => v) (fun _ => k) nil 0 h _ _
                 (fun _ _ _ => Hb) (Hsolves W1) (Hsolves W2) 0 h (Rle_refl 0) Hh (Rle_refl h)).
  cbv beta in H. rewrite (fro2_ext n m (fun i j => W1 i j - W2 i j)
                            (fun i j => tanh_delta_step m 0 W1 beta v k i j - tanh_delta_step m 0 W2 beta v k i j))
    by (intros; now rewrite !tanh_delta_step_zero).
  exact H.
Qed.
