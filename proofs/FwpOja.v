(* The Oja rule of fast weight programmers is not the classic one: its values come from a slow net, not from W k. *)
From Coq Require Import Reals Lra List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules DeltaStep DeltaFlow Duality.
Open Scope R_scope.

(* Where they meet: with v = W k the rule is Oja's subspace rule, and with one value that is Oja's neuron. *)
Theorem oja_subspace_eq_oja : forall n_value n_key W beta k i j,
  oja_subspace n_value n_key W beta k i j = oja n_value n_key W beta (mv n_key W k) k i j.
Proof. reflexivity. Qed.

Theorem oja_neuron_eq_oja_subspace : forall n_key W beta k j,
  oja_subspace 1 n_key W beta k O j = oja_neuron n_key (W O) beta k j.
Proof. intros. unfold oja_subspace, oja_neuron. simpl. ring. Qed.

(* T17: with a v of its own the sphere is left, and orthonormal rows are lost. For any number of keys, any β > 0, a unit
   vector k and any v > 0 but v = 1, this solution of the rule for one value begins on the unit sphere, and |W(t)| ≠ 1
   at every later t: W(t) = (1 + (1/v − 1)(1 − e^{−βv²t})) kᵀ. T14 and T16 say the opposite of W k in the place of v. *)
Definition leaving (beta v : R) (k : vector) : R -> matrix :=
  fun t _ j => (1 + (/ v - 1) * (1 - exp (- (beta * v ^ 2 * t)))) * k j.

Theorem fwp_oja_leaves_sphere : forall n_key beta v k, 0 < beta -> 0 < v -> v <> 1 -> norm2 n_key k = 1 ->
  let W := leaving beta v k in
  (forall t i j, (i < 1)%nat ->
    is_derive (fun s => W s i j) t (oja 1 n_key (W t) beta (fun _ => v) k i j)) /\
  norm2 n_key (W 0 O) = 1 /\
  (forall t, 0 < t -> norm2 n_key (W t O) <> 1).
Proof.
  intros n_key beta v k Hb Hv Hv1 Hk W.
  assert (Hnorm : forall t, norm2 n_key (W t O) = (1 + (/ v - 1) * (1 - exp (- (beta * v ^ 2 * t)))) ^ 2).
  { intro t. unfold W, leaving. rewrite norm2_scal, Hk. ring. }
  split; [|split].
  - intros t i j _. unfold W, leaving, oja. simpl sum. auto_derive; [trivial|]. field. lra.
  - rewrite Hnorm, Rmult_0_r, Ropp_0, exp_0. ring.
  - intros t Ht. rewrite Hnorm. assert (Hd : 0 < exp (- (beta * v ^ 2 * t)) < 1).
    { split; [apply exp_pos|]. rewrite <- exp_0. apply exp_increasing.
      assert (0 < beta * v ^ 2 * t) by (repeat apply Rmult_lt_0_compat; lra). lra. }
    assert (Hi : 0 < / v) by now apply Rinv_0_lt_compat.
    assert (Hne : / v <> 1) by (intro H; apply Hv1; rewrite <- (Rinv_inv v), H; apply Rinv_1).
    set (d := 1 - exp (- (beta * v ^ 2 * t))) in *. set (r := / v) in *.
    intro H. assert (Hz : ((r - 1) * d) * (2 + (r - 1) * d) = 0) by lra.
    apply Rmult_integral in Hz. destruct Hz as [Hz|Hz].
    + apply Rmult_integral in Hz. unfold d in Hz. lra.
    + unfold d in *. nra.
Qed.

(* T17, what does hold, by T2 from T3–T6 of Delta: k − Wᵀv contracts at the rate β|v|² under constant controls, … *)
Theorem fwp_oja_contracts : forall n_value n_key beta (v k : vector) breaks a b W,
  solves n_value n_key (fun _ V => oja n_value n_key V beta v k) breaks a b W ->
  forall t j, a <= t <= b -> (j < n_key)%nat ->
  k j - vm n_value v (W t) j = exp (- (beta * norm2 n_value v * (t - a))) * (k j - vm n_value v (W a) j).
Proof.
  intros n_value n_key beta v k breaks a b W H t j Ht Hj. rewrite <- oja_residual. f_equal.
  apply sum_ext; intros i Hi. f_equal. now apply (oja_flow_unique n_value n_key beta v k breaks a b).
Qed.

(* … and ‖W(b)‖² ≤ ‖W(a)‖² + ½∫_a^b β|k|², here for a constant β|k|²; oja_growth has it for any controls. *)
Theorem fwp_oja_growth : forall n_value n_key beta (v k : vector) breaks a b W, a <= b -> 0 <= beta ->
  solves n_value n_key (fun _ V => oja n_value n_key V beta v k) breaks a b W ->
  fro2 n_value n_key (W b) <= fro2 n_value n_key (W a) + / 2 * (beta * norm2 n_key k * (b - a)).
Proof.
  intros n_value n_key beta v k breaks a b W Hab Hb H.
  replace (beta * norm2 n_key k * (b - a)) with (RInt (fun _ => beta * norm2 n_key k) a b).
  - apply (oja_growth n_value n_key (fun _ => beta) (fun _ => v) (fun _ => k) breaks a b W Hab); auto;
      intros; try apply cont_const. apply ex_RInt_const.
  - rewrite RInt_const. apply Rmult_comm.
Qed.
