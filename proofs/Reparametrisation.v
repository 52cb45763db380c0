(* Which equations driven by a path do not depend on its speed: those whose rate is homogeneous of degree 1 in x′. *)
From Coq Require Import Reals FunctionalExtensionality Lra.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules.
Open Scope R_scope.

Lemma mv_vscal : forall m W lambda k i, mv m W (vscal lambda k) i = lambda * mv m W k i.
Proof. intros. unfold mv, vscal. rewrite <- sum_scal_l. apply sum_ext. intros. ring. Qed.

Lemma vm_vscal : forall n lambda v W j, vm n (vscal lambda v) W j = lambda * vm n v W j.
Proof. intros. unfold vm, vscal. rewrite <- sum_scal_l. apply sum_ext. intros. ring. Qed.

(* f(W, x, λx′) = λ f(W, x, x′) for λ ≥ 0 *)
Definition homogeneous (f : matrix -> vector -> vector -> matrix) : Prop :=
  forall lambda W x dx i j, 0 <= lambda -> f W x (vscal lambda dx) i j = lambda * f W x dx i j.

(* W′ = f(W, x, x′) at t, for a state of n × m entries and a path of so many channels. *)
Definition driven (n m channels : nat) (f : matrix -> vector -> vector -> matrix)
    (W : R -> matrix) (x dx : R -> vector) (t : R) : Prop :=
  (forall c, (c < channels)%nat -> is_derive (fun s => x s c) t (dx t c)) /\
  (forall i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun s => W s i j) t (f (W t) (x t) (dx t) i j)).

(* T18: W solves along x, τ′ ≥ 0 ⇒ W∘τ solves along x∘τ, whose derivative is τ′ x′∘τ. At each time by itself, so that it
   holds on any interval, and where τ stands still too. *)
Theorem cde_reparam : forall n m channels f W x dx (tau dtau : R -> R) t,
  homogeneous f -> driven n m channels f W x dx (tau t) -> is_derive tau t (dtau t) -> 0 <= dtau t ->
  driven n m channels f (fun s => W (tau s)) (fun s => x (tau s)) (fun s => vscal (dtau s) (dx (tau s))) t.
Proof.
  intros n m channels f W x dx tau dtau t Hf [Hx HW] Htau Hpos. split.
  - intros c Hc. apply derive_eq with (dx (tau t) c * dtau t); [|unfold vscal; ring].
    apply (derive_comp (fun s => x s c) tau); auto.
  - intros i j Hi Hj. rewrite Hf by exact Hpos.
    apply derive_eq with (f (W (tau t)) (x (tau t)) (dx (tau t)) i j * dtau t); [|ring].
    apply (derive_comp (fun s => W s i j) tau); auto.
Qed.

(* The converse at one time: if W∘τ solves along x∘τ as well, the rate there is homogeneous for λ = τ′. *)
Theorem cde_reparam_only : forall n m channels f W x dx (tau dtau : R -> R) t i j,
  driven n m channels f W x dx (tau t) -> is_derive tau t (dtau t) ->
  driven n m channels f (fun s => W (tau s)) (fun s => x (tau s)) (fun s => vscal (dtau s) (dx (tau s))) t ->
  (i < n)%nat -> (j < m)%nat ->
  f (W (tau t)) (x (tau t)) (vscal (dtau t) (dx (tau t))) i j = dtau t * f (W (tau t)) (x (tau t)) (dx (tau t)) i j.
Proof.
  intros n m channels f W x dx tau dtau t i j [_ HW] Htau [_ Hslow] Hi Hj.
  rewrite Rmult_comm. rewrite <- (is_derive_unique _ _ _ (Hslow i j Hi Hj)). apply is_derive_unique.
  apply (derive_comp (fun s => W s i j) tau); auto.
Qed.

(* The rates of the paper's equation 24: what each slot takes from x and from x′.
   Hebb: β and k from x, v from x′. Oja: β and k from x, v from x′. Delta: β and v from x, k from x′. *)
Definition hebb_driven (n m : nat) (beta : vector -> R) (k : vector -> vector) (v : vector -> vector -> vector) :=
  fun W x dx => hebb n m W (beta x) (v x dx) (k x).
Definition oja_driven (n m : nat) (beta : vector -> R) (k : vector -> vector) (v : vector -> vector -> vector) :=
  fun W x dx => oja n m W (beta x) (v x dx) (k x).
Definition delta_driven (n m : nat) (beta : vector -> R) (v : vector -> vector) (k : vector -> vector -> vector) :=
  fun W x dx => delta n m W (beta x) (v x) (k x dx).

(* T18: Hebb is homogeneous when v is, … *)
Theorem hebb_homogeneous : forall n m beta k v,
  (forall lambda x dx i, 0 <= lambda -> v x (vscal lambda dx) i = lambda * v x dx i) ->
  homogeneous (hebb_driven n m beta k v).
Proof. intros n m beta k v H lambda W x dx i j Hl. unfold hebb_driven, hebb. rewrite H by exact Hl. ring. Qed.

(* … as a linear map of x′ is, by a matrix that may depend on x; … *)
Corollary hebb_linear_homogeneous : forall n m channels beta k (A : vector -> matrix),
  homogeneous (hebb_driven n m beta k (fun x dx => mv channels (A x) dx)).
Proof.
  intros. apply hebb_homogeneous. intros lambda x dx i _. apply mv_vscal.
Qed.

(* … so that Hebb run along a path at another speed passes through the same states. *)
Corollary hebb_reparam : forall n m channels beta k (A : vector -> matrix) W x dx (tau dtau : R -> R) t,
  let f := hebb_driven n m beta k (fun x dx => mv channels (A x) dx) in
  driven n m channels f W x dx (tau t) -> is_derive tau t (dtau t) -> 0 <= dtau t ->
  driven n m channels f (fun s => W (tau s)) (fun s => x (tau s)) (fun s => vscal (dtau s) (dx (tau s))) t.
Proof. intros. apply cde_reparam; auto. apply hebb_linear_homogeneous. Qed.

(* A neural CDE is linear in x′ by its form. *)
Theorem ncde_homogeneous : forall n_hidden n_channel n_inner z A_out A_in b_in b_out dx lambda hidden,
  ncde n_hidden n_channel n_inner z A_out A_in b_in b_out (vscal lambda dx) hidden
  = lambda * ncde n_hidden n_channel n_inner z A_out A_in b_in b_out dx hidden.
Proof. intros. unfold ncde, vscal. rewrite <- sum_scal_l. apply sum_ext. intros. ring. Qed.

(* T18: Delta and Oja are not: their term in W is quadratic in x′. By how much the rate fails to scale with k, or v: *)
Theorem delta_scaling_defect : forall n m W beta v k lambda i j,
  delta n m W beta v (vscal lambda k) i j - lambda * delta n m W beta v k i j
  = lambda * (1 - lambda) * (beta * mv m W k i * k j).
Proof.
  intros.
  change (delta n m W beta v (vscal lambda k) i j) with (beta * (v i - mv m W (vscal lambda k) i) * (lambda * k j)).
  change (delta n m W beta v k i j) with (beta * (v i - mv m W k i) * k j).
  rewrite mv_vscal. ring.
Qed.

Theorem oja_scaling_defect : forall n m W beta v k lambda i j,
  oja n m W beta (vscal lambda v) k i j - lambda * oja n m W beta v k i j
  = lambda * (1 - lambda) * (beta * v i * vm n v W j).
Proof.
  intros.
  change (oja n m W beta (vscal lambda v) k i j) with (beta * (lambda * v i) * (k j - vm n (vscal lambda v) W j)).
  change (oja n m W beta v k i j) with (beta * v i * (k j - vm n v W j)).
  rewrite vm_vscal. ring.
Qed.

(* So a solution of Delta stays one at another speed only where that speed is 0 or 1, or the quadratic term vanishes. *)
Theorem delta_reparam_only : forall n m channels beta v K W x dx (tau dtau : R -> R) t i j,
  let f := delta_driven n m beta v (fun x dx => mv channels (K x) dx) in
  driven n m channels f W x dx (tau t) -> is_derive tau t (dtau t) ->
  driven n m channels f (fun s => W (tau s)) (fun s => x (tau s)) (fun s => vscal (dtau s) (dx (tau s))) t ->
  (i < n)%nat -> (j < m)%nat ->
  let k := mv channels (K (x (tau t))) (dx (tau t)) in
  dtau t = 0 \/ dtau t = 1 \/ beta (x (tau t)) * mv m (W (tau t)) k i * k j = 0.
Proof.
  intros n m channels beta v K W x dx tau dtau t i j f HW Htau Hslow Hi Hj k.
  assert (E := cde_reparam_only n m channels f W x dx tau dtau t i j HW Htau Hslow Hi Hj).
  assert (Hk : mv channels (K (x (tau t))) (vscal (dtau t) (dx (tau t))) = vscal (dtau t) k)
    by (apply functional_extensionality; intro; apply mv_vscal).
  unfold f, delta_driven in E. rewrite Hk in E. apply Rminus_diag_eq in E. unfold k in E.
  rewrite delta_scaling_defect in E. fold k in E.
  apply Rmult_integral in E. destruct E as [E|E]; [|auto].
  apply Rmult_integral in E. destruct E as [E|E]; [auto | right; left; lra].
Qed.

(* The same of Oja. *)
Theorem oja_reparam_only : forall n m channels beta k V W x dx (tau dtau : R -> R) t i j,
  let f := oja_driven n m beta k (fun x dx => mv channels (V x) dx) in
  driven n m channels f W x dx (tau t) -> is_derive tau t (dtau t) ->
  driven n m channels f (fun s => W (tau s)) (fun s => x (tau s)) (fun s => vscal (dtau s) (dx (tau s))) t ->
  (i < n)%nat -> (j < m)%nat ->
  let v := mv channels (V (x (tau t))) (dx (tau t)) in
  dtau t = 0 \/ dtau t = 1 \/ beta (x (tau t)) * v i * vm n v (W (tau t)) j = 0.
Proof.
  intros n m channels beta k V W x dx tau dtau t i j f HW Htau Hslow Hi Hj v.
  assert (E := cde_reparam_only n m channels f W x dx tau dtau t i j HW Htau Hslow Hi Hj).
  assert (Hv : mv channels (V (x (tau t))) (vscal (dtau t) (dx (tau t))) = vscal (dtau t) v)
    by (apply functional_extensionality; intro; apply mv_vscal).
  unfold f, oja_driven in E. rewrite Hv in E. apply Rminus_diag_eq in E. unfold v in E.
  rewrite oja_scaling_defect in E. fold v in E.
  apply Rmult_integral in E. destruct E as [E|E]; [|auto].
  apply Rmult_integral in E. destruct E as [E|E]; [auto | right; left; lra].
Qed.

(* T18, a counterexample in numbers: for β = 1, v = 0, k = x′ and x(t) = t, W(t) = e^{−t} solves Delta's; but at twice
   the speed W(2t) is no solution at any time: the quadratic term has it decay as e^{−4t}. *)
Theorem delta_reparam_counterexample :
  let f := delta_driven 1 1 (fun _ => 1) (fun _ _ => 0) (fun x dx => mv 1 (fun _ _ => 1) dx) in
  let W := fun (t : R) (_ _ : nat) => exp (- t) in
  let x := fun (t : R) (_ : nat) => t in
  let dx := fun (_ : R) (_ : nat) => 1 in
  (forall t, driven 1 1 1 f W x dx t) /\
  (forall t, ~ driven 1 1 1 f (fun s => W (2 * s)) (fun s => x (2 * s)) (fun _ => vscal 2 (dx 0)) t).
Proof.
  intros f W x dx. assert (Hsolves : forall t, driven 1 1 1 f W x dx t).
  { intro t. split; [intros; apply derive_id|]. intros i j _ _. unfold W, f, delta_driven, delta, mv, dx. simpl.
    apply derive_eq with (exp (- t) * - (1)); [|ring].
    apply (derive_comp exp (fun s => - s)); [apply is_derive_exp | apply (derive_opp (fun s => s)), derive_id]. }
  split; [exact Hsolves|]. intros t Hfast.
  assert (Htau : is_derive (fun s => 2 * s) t 2).
  { apply derive_eq with (2 * 1); [apply (derive_scal 2 (fun s => s)), derive_id | ring]. }
  destruct (delta_reparam_only 1 1 1 (fun _ => 1) (fun _ _ => 0) (fun _ _ _ => 1) W x dx (fun s => 2 * s) (fun _ => 2)
    t 0 0 (Hsolves (2 * t)) Htau Hfast) as [H|[H|H]]; auto; try lra.
  unfold mv, W, dx in H. simpl in H. generalize (exp_pos (- (2 * t))). lra.
Qed.
