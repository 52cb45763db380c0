(* Oja's neuron: what the length of the weights does under any input. *)
From Coq Require Import Reals Lra List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor TensorMore Calculus Rules.
Open Scope R_scope.

(* w·w′ = β y² (1 − |w|²) with y = w·k *)
Lemma oja_neuron_radial : forall n w beta k,
  dot n w (oja_neuron n w beta k) = beta * dot n w k ^ 2 * (1 - norm2 n w).
Proof.
  intros. transitivity (dot n w (fun key => beta * dot n w k * (k key - dot n w k * w key))).
  - apply dot_ext; intros; [reflexivity|]. unfold oja_neuron, dot. ring.
  - rewrite dot_scal_r, dot_minus_r, dot_scal_r. unfold norm2. ring.
Qed.

(* T14: d|w|²/dt = 2βy²(1 − |w|²), y = w·k, for any k(t) and β(t). *)
Theorem oja_neuron_norm_derive : forall n (w : R -> vector) beta k t,
  (forall i, (i < n)%nat -> is_derive (fun s => w s i) t (oja_neuron n (w t) (beta t) (k t) i)) ->
  is_derive (fun s => norm2 n (w s)) t (2 * beta t * dot n (w t) (k t) ^ 2 * (1 - norm2 n (w t))).
Proof.
  intros n w beta k t H. eapply derive_eq; [apply derive_norm2, H|]. rewrite oja_neuron_radial. ring.
Qed.

Section Neuron.

(* A solution w on [a, b] for inputs k(t) and rates β(t) ≥ 0 that may jump at finitely many times. *)
Variables (n : nat) (beta : R -> R) (k w : R -> vector) (breaks : list R) (a b : R).
Hypothesis beta_nonneg : forall t, a <= t <= b -> 0 <= beta t.
Hypothesis solution : solves_vector n (fun t x => oja_neuron n x (beta t) (k t)) breaks a b w.

Let excess t := 1 - norm2 n (w t).
Let rate t := 2 * beta t * dot n (w t) (k t) ^ 2.

Lemma excess_cont : forall t, a <= t <= b -> continuous excess t.
Proof.
  intros t Ht. apply (cont_minus (fun _ => 1) (fun s => norm2 n (w s))); [apply cont_const|].
  apply cont_dot; intros i Hi; now apply solution.
Qed.

Lemma excess_derive : forall t, a < t < b -> ~ In t breaks -> is_derive excess t (- rate t * excess t).
Proof.
  intros t Ht Hn. apply derive_eq with (0 - rate t * (1 - norm2 n (w t))); [|unfold excess; ring].
  apply (derive_minus (fun _ => 1) (fun s => norm2 n (w s))); [apply derive_const|].
  apply (oja_neuron_norm_derive n w beta k). intros i Hi. now apply solution.
Qed.

Lemma rate_nonneg : forall t, a <= t <= b -> 0 <= rate t.
Proof.
  intros t Ht. generalize (beta_nonneg t Ht) (pow2_ge_0 (dot n (w t) (k t))). unfold rate. intros. nra.
Qed.

(* T14: |1 − |w(t)|²| is nonincreasing. *)
Theorem oja_sphere_lyapunov : forall s t, a <= s -> s <= t -> t <= b ->
  Rabs (1 - norm2 n (w t)) <= Rabs (1 - norm2 n (w s)).
Proof.
  intros s t Has Hst Htb. apply (decay_abs breaks excess rate s t Hst).
  - intros x Hx. apply excess_cont. lra.
  - intros x Hx. apply excess_derive. lra.
  - intros x Hx. apply rate_nonneg. lra.
Qed.

(* T14: |w(s)| = 1 ⇒ |w(t)| = 1 for t ≥ s: the unit sphere is invariant. *)
Theorem oja_sphere : forall s t, a <= s -> s <= t -> t <= b -> norm2 n (w s) = 1 -> norm2 n (w t) = 1.
Proof.
  intros s t Has Hst Htb H. generalize (oja_sphere_lyapunov s t Has Hst Htb).
  rewrite H, (Rminus_diag_eq 1 1), Rabs_R0 by reflexivity. intro Hle.
  symmetry. apply Rminus_diag_uniq, Rabs_eq_0, Rle_antisym; [exact Hle | apply Rabs_pos].
Qed.

(* T14: |w(t)|² ≤ max(1, |w(s)|²) for t ≥ s; more than that, the unit ball and its complement are both invariant. *)
Theorem oja_neuron_inside : forall s t, a <= s -> s <= t -> t <= b -> norm2 n (w s) <= 1 -> norm2 n (w t) <= 1.
Proof.
  intros s t Has Hst Htb H. cut (0 <= excess t); [unfold excess; lra|].
  apply (decay_sign breaks excess rate s t Hst).
  - intros x Hx. apply excess_cont. lra.
  - intros x Hx. apply excess_derive. lra.
  - intros x Hx. apply rate_nonneg. lra.
  - unfold excess. lra.
Qed.

Theorem oja_neuron_outside : forall s t, a <= s -> s <= t -> t <= b ->
  1 <= norm2 n (w s) -> 1 <= norm2 n (w t) <= norm2 n (w s).
Proof.
  intros s t Has Hst Htb H. assert (1 <= norm2 n (w t)).
  - cut (0 <= - excess t); [unfold excess; lra|].
    apply (decay_sign breaks (fun t => - excess t) rate s t Hst).
    + intros x Hx. apply (continuous_opp excess), excess_cont. lra.
    + intros x Hx Hn. apply derive_eq with (- (- rate x * excess x)); [|ring].
      apply derive_opp, excess_derive; auto; lra.
    + intros x Hx. apply rate_nonneg. lra.
    + unfold excess. lra.
  - generalize (oja_sphere_lyapunov s t Has Hst Htb). rewrite !Rabs_left1 by lra. lra.
Qed.

Theorem oja_neuron_bound : forall s t, a <= s -> s <= t -> t <= b -> norm2 n (w t) <= Rmax 1 (norm2 n (w s)).
Proof.
  intros s t Has Hst Htb. destruct (Rle_dec (norm2 n (w s)) 1) as [H|H].
  - eapply Rle_trans; [apply (oja_neuron_inside s t); auto | apply Rmax_l].
  - eapply Rle_trans; [apply (oja_neuron_outside s t); auto; lra | apply Rmax_r].
Qed.

End Neuron.
