(* E9: steps W ↦ W A + B compose associatively, so that a series of them is a scan; Delta's step is one. *)
From Coq Require Import Reals Lra Lia.
From Fwp Require Import Tensor Primitives Rules.
Open Scope R_scope.

(* A transition of n × m states: A is m × m, B is n × m. *)
Definition transition : Type := matrix * matrix.
Definition transit (m : nat) (p : transition) (W : matrix) : matrix := fun i j => mm m W (fst p) i j + snd p i j.
Definition compose (m : nat) (p q : transition) : transition :=
  (mm m (fst p) (fst q), fun i j => mm m (snd p) (fst q) i j + snd q i j).

(* First p, then q. *)
Theorem scan_compose : forall m p q W i j, transit m (compose m p q) W i j = transit m q (transit m p W) i j.
Proof.
  intros m p q W i j. unfold transit at 2, transit, compose. simpl. rewrite mm_plus_l.
  rewrite mm_assoc. ring.
Qed.

(* E9: (A₁, B₁)·(A₂, B₂) = (A₁A₂, B₁A₂ + B₂) is associative *)
Theorem scan_assoc : forall m p q r i j,
  fst (compose m p (compose m q r)) i j = fst (compose m (compose m p q) r) i j /\
  snd (compose m p (compose m q r)) i j = snd (compose m (compose m p q) r) i j.
Proof.
  intros m p q r i j. unfold compose. simpl. split; [apply mm_assoc|]. rewrite mm_plus_l, mm_assoc. ring.
Qed.

(* Delta at the rate α is the transition A = I − α k kᵀ, B = α v kᵀ. *)
Definition delta_transition (a : R) (v k : vector) : transition :=
  (fun i j => eye i j - a * (k i * k j), fun i j => a * v i * k j).

Theorem delta_scan : forall n m a W v k i j, (j < m)%nat ->
  transit m (delta_transition a v k) W i j = W i j + delta n m W a v k i j.
Proof.
  intros n m a W v k i j Hj. unfold transit, delta_transition. simpl. rewrite mm_minus_r, mm_scal_r.
  replace (mm m W eye i j) with (W i j).
  - unfold mm, delta. rewrite (sum_ext m _ (fun b => W i b * k b * k j)) by (intros; ring). rewrite sum_scal_r. ring.
  - unfold mm. rewrite <- (sum_single m (W i) j Hj). apply sum_ext; intros b _. unfold eye.
    destruct (Nat.eq_dec j b) as [->|Hne]; [rewrite Nat.eqb_refl; ring|].
    replace (Nat.eqb b j) with false by (symmetry; apply Nat.eqb_neq; auto). ring.
Qed.
