(* T2: Oja is Delta on the transpose, keys and values exchanged; so what is true of the one is true of the other. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules DeltaStep DeltaFlow.
Open Scope R_scope.

(* T2: Oja_{k,v}(W) = [Delta_{key=v, value=k}(Wᵀ)]ᵀ *)
Theorem oja_eq_delta_transpose : forall n m W beta v k i j,
  oja n m W beta v k i j = transpose (delta m n (transpose W) beta k v) i j.
Proof.
  intros n m W beta v k i j. unfold transpose, delta, oja.
  rewrite (sum_ext n (fun a => v a * W a j) (fun a => W a j * v a)) by (intros; ring). ring.
Qed.

Corollary delta_eq_oja_transpose : forall n m W beta v k i j,
  delta n m W beta v k i j = transpose (oja m n (transpose W) beta k v) i j.
Proof. intros. unfold transpose at 1. rewrite oja_eq_delta_transpose. reflexivity. Qed.

(* T2, of solutions: W solves Oja's equation iff Wᵀ solves Delta's with k and v exchanged. *)
Theorem oja_solves_transpose : forall n m (beta : R -> R) (v k : R -> vector) breaks a b W,
  solves n m (fun t W => oja n m W (beta t) (v t) (k t)) breaks a b W <->
  solves m n (fun t W => delta m n W (beta t) (k t) (v t)) breaks a b (fun t => transpose (W t)).
Proof.
  intros n m beta v k breaks a b W. split; intros H i j Hi Hj; destruct (H j i Hj Hi) as [Hc Hd];
    (split; [exact Hc|]); intros t Ht Hn; (eapply derive_eq; [exact (Hd t Ht Hn)|]).
  - apply oja_eq_delta_transpose.
  - symmetry. apply oja_eq_delta_transpose.
Qed.

(* T3 of Oja by T2: its exact step W + α v (k − Wᵀv)ᵀ, κ = |v|², whose rate is the generated one, … *)
Definition oja_step (n : nat) (h : R) (W : matrix) (beta : R) (v k : vector) : matrix :=
  transpose (delta_step n h (transpose W) beta k v).

Lemma oja_step_eq : forall n h W beta v k i j,
  oja_step n h W beta v k i j = W i j + alpha beta (norm2 n v) h * v i * (k j - vm n v W j).
Proof.
  intros. rewrite vm_transpose. unfold oja_step, transpose, delta_step, rank_one_step, error. ring.
Qed.

Corollary oja_step_deriv : forall n m h W beta v k i j, (i < n)%nat ->
  is_derive (fun h => oja_step n h W beta v k i j) h (oja n m (oja_step n h W beta v k) beta v k i j).
Proof. intros n m h W beta v k i j Hi. rewrite oja_eq_delta_transpose. now apply delta_step_deriv. Qed.

Corollary oja_semigroup : forall n s t W beta v k i j,
  oja_step n s (oja_step n t W beta v k) beta v k i j = oja_step n (s + t) W beta v k i j.
Proof. intros n s t W beta v k i j. exact (delta_semigroup n s t (transpose W) beta k v j i). Qed.

Corollary oja_flow_unique : forall n m (beta : R) (v k : vector) breaks a b W,
  solves n m (fun _ W => oja n m W beta v k) breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> W t i j = oja_step n (t - a) (W a) beta v k i j.
Proof.
  intros n m beta v k breaks a b W H t i j Ht Hi Hj.
  apply (oja_solves_transpose n m (fun _ => beta) (fun _ => v) (fun _ => k)) in H.
  exact (delta_flow_unique m n beta k v breaks a b _ H t j i Ht Hj Hi).
Qed.

(* … T4 of Oja: k − Wᵀv contracts at the rate β|v|², … *)
Corollary oja_residual : forall n h W beta v k j,
  k j - vm n v (oja_step n h W beta v k) j = exp (- (beta * norm2 n v * h)) * (k j - vm n v W j).
Proof. intros. rewrite !vm_transpose. exact (delta_residual n h (transpose W) beta k v j). Qed.

(* … T5 and T6 of Oja: two solutions are not driven apart, and ‖W(b)‖² ≤ ‖W(a)‖² + ½∫_a^b β|k|². *)
Corollary oja_flow_nonexpansive : forall n m (beta : R -> R) (v k : R -> vector) breaks a b W1 W2,
  (forall t, a < t < b -> ~ In t breaks -> 0 <= beta t) ->
  solves n m (fun t W => oja n m W (beta t) (v t) (k t)) breaks a b W1 ->
  solves n m (fun t W => oja n m W (beta t) (v t) (k t)) breaks a b W2 ->
  forall s t, a <= s -> s <= t -> t <= b ->
  fro2 n m (fun i j => W1 t i j - W2 t i j) <= fro2 n m (fun i j => W1 s i j - W2 s i j).
Proof.
  intros n m beta v k breaks a b W1 W2 Hb H1 H2 s t Has Hst Htb. rewrite !(fro2_transpose n m).
  exact (delta_flow_nonexpansive m n beta k v breaks a b Hb _ _ (proj1 (oja_solves_transpose _ _ _ _ _ _ _ _ _) H1)
           (proj1 (oja_solves_transpose _ _ _ _ _ _ _ _ _) H2) s t Has Hst Htb).
Qed.

Corollary oja_growth : forall n m (beta : R -> R) (v k : R -> vector) breaks a b W, a <= b ->
  (forall t, a < t < b -> ~ In t breaks -> 0 <= beta t) ->
  solves n m (fun t W => oja n m W (beta t) (v t) (k t)) breaks a b W ->
  (forall t, a < t < b -> ~ In t breaks -> continuous beta t) ->
  (forall t j, a < t < b -> ~ In t breaks -> (j < m)%nat -> continuous (fun s => k s j) t) ->
  (forall x y, ex_RInt (fun s => beta s * norm2 m (k s)) x y) ->
  fro2 n m (W b) <= fro2 n m (W a) + / 2 * RInt (fun s => beta s * norm2 m (k s)) a b.
Proof.
  intros n m beta v k breaks a b W Hab Hb H Hbc Hkc Hint. rewrite !(fro2_transpose n m).
  exact (delta_growth m n beta k v breaks a b Hb _ (proj1 (oja_solves_transpose _ _ _ _ _ _ _ _ _) H) Hab Hbc Hkc Hint).
Qed.
