(* The fourth-order Magnus step of rules that erase along one vector stays of rank two. *)
From Coq Require Import Reals.
From Fwp Require Import Tensor Rules.
Open Scope R_scope.

(* [A, B] = A B − B A *)
Definition commutator (n : nat) (A B : matrix) : matrix := fun i j => mm n A B i j - mm n B A i j.

(* G = −β c rᵀ, by which an affine rule of rank one multiplies its state. *)
Definition generator (beta : R) (c r : vector) : matrix := fun i j => - beta * outer c r i j.

(* Ω₄ = (h/2) (G₁ + G₂) + (√3/12) h² [G₁, G₂]: the exponent of a step, from the generators at its two Gauss nodes. *)
Definition omega4 (n : nat) (h : R) (G1 G2 : matrix) : matrix :=
  fun i j => h / 2 * (G1 i j + G2 i j) + sqrt 3 / 12 * h ^ 2 * commutator n G1 G2 i j.

(* Two vectors as the columns of a matrix. *)
Definition columns (a b : vector) : matrix := fun i side => match side with O => a i | _ => b i end.

(* S = −(h/2) diag(β₁, β₂) + (√3/12) h² β₁ β₂ [[0, g₁₂], [−g₂₁, 0]] *)
Definition magnus4_core (h beta1 beta2 g12 g21 : R) : matrix :=
  fun a b =>
    match a, b with
    | O, O => - (h / 2) * beta1
    | O, _ => sqrt 3 / 12 * h ^ 2 * beta1 * beta2 * g12
    | _, O => - (sqrt 3 / 12 * h ^ 2 * beta1 * beta2 * g21)
    | _, _ => - (h / 2) * beta2
    end.

(* Where the generators of rules come from: F(W) − F(0), the part of the rate that is linear in W, is W G for the Delta
   rule, G W for Oja's, and for a rule with an erase gate W G with c ≠ r. *)
Lemma delta_generator : forall n_value n_key W beta v k i j,
  delta n_value n_key W beta v k i j - delta n_value n_key (fun _ _ => 0) beta v k i j
  = mm n_key W (generator beta k k) i j.
Proof.
  intros. transitivity (- beta * mv n_key W k i * k j).
  - unfold delta, mv. rewrite (sum_eq_zero n_key (fun key => 0 * k key)); intros; ring.
  - unfold mm, mv, generator, outer. rewrite <- sum_scal_l, <- sum_scal_r. apply sum_ext; intros. ring.
Qed.

Lemma oja_generator : forall n_value n_key W beta v k i j,
  oja n_value n_key W beta v k i j - oja n_value n_key (fun _ _ => 0) beta v k i j
  = mm n_value (generator beta v v) W i j.
Proof.
  intros. transitivity (- beta * v i * vm n_value v W j).
  - unfold oja, vm. rewrite (sum_eq_zero n_value (fun value => v value * 0)); intros; ring.
  - unfold mm, vm, generator, outer. rewrite <- sum_scal_l. apply sum_ext; intros. ring.
Qed.

Lemma erase_write_generator : forall n_value n_key W write v erase k i j,
  erase_write n_value n_key W write v erase k i j - erase_write n_value n_key (fun _ _ => 0) write v erase k i j
  = mm n_key W (generator 1 (fun key => erase key * k key) k) i j.
Proof.
  intros. transitivity (- 1 * mv n_key W (fun key => erase key * k key) i * k j).
  - unfold erase_write, mv. rewrite (sum_eq_zero n_key (fun key => 0 * erase key * k key)) by (intros; ring).
    rewrite (sum_ext n_key (fun key => W i key * (erase key * k key)) (fun key => W i key * erase key * k key))
      by (intros; ring).
    ring.
  - unfold mm, mv, generator, outer. rewrite <- sum_scal_l, <- sum_scal_r. apply sum_ext; intros. ring.
Qed.

(* T12: [c₁r₁ᵀ, c₂r₂ᵀ] = (r₁·c₂) c₁r₂ᵀ − (r₂·c₁) c₂r₁ᵀ *)
Theorem commutator_outer : forall n c1 r1 c2 r2 i j,
  commutator n (outer c1 r1) (outer c2 r2) i j = dot n r1 c2 * outer c1 r2 i j - dot n r2 c1 * outer c2 r1 i j.
Proof. intros. unfold commutator. now rewrite !mm_outer. Qed.

Lemma mm_generator : forall n beta1 beta2 c1 r1 c2 r2 i j,
  mm n (generator beta1 c1 r1) (generator beta2 c2 r2) i j = beta1 * beta2 * (dot n r1 c2 * outer c1 r2 i j).
Proof. intros. unfold generator. rewrite mm_scal_l, mm_scal_r, mm_outer. ring. Qed.

(* T12: with Gᵢ = −βᵢcᵢrᵢᵀ, Ω₄ = C S Rᵀ for C = [c₁ c₂] and R = [r₁ r₂]. More general than stated there: r₁·c₂ and r₂·c₁
   may differ, as they do for erase_write. *)
Theorem magnus4_closure : forall n h beta1 beta2 c1 r1 c2 r2 i j,
  omega4 n h (generator beta1 c1 r1) (generator beta2 c2 r2) i j
  = mm 2 (columns c1 c2)
      (mm 2 (magnus4_core h beta1 beta2 (dot n r1 c2) (dot n r2 c1)) (transpose (columns r1 r2))) i j.
Proof.
  intros. unfold omega4, commutator. rewrite !mm_generator.
  unfold generator, mm, transpose, columns, magnus4_core, outer. simpl. field.
Qed.

(* T12 for the rules: the exponent acts on a state as (h/2) (L₁ + L₂) + (√3/12) h² [L₁, L₂] of the linear parts
   L W = F(W) − F(0) of the rates at the two nodes; for one that acts from the right, W [G₁, G₂] = L₂L₁W − L₁L₂W. *)
Lemma omega4_right : forall n h L1 L2 G1 G2 W i j,
  (forall (A : matrix) i j, L1 A i j = mm n A G1 i j) -> (forall (A : matrix) i j, L2 A i j = mm n A G2 i j) ->
  h / 2 * (L1 W i j + L2 W i j) + sqrt 3 / 12 * h ^ 2 * (L2 (L1 W) i j - L1 (L2 W) i j)
  = mm n W (omega4 n h G1 G2) i j.
Proof.
  intros n h L1 L2 G1 G2 W i j H1 H2. unfold omega4, commutator.
  rewrite mm_plus_r, !mm_scal_r, mm_plus_r, mm_minus_r, !mm_assoc, !H1, !H2. do 2 f_equal.
  f_equal; apply mm_ext; auto.
Qed.

Lemma omega4_left : forall n h L1 L2 G1 G2 W i j,
  (forall (A : matrix) i j, L1 A i j = mm n G1 A i j) -> (forall (A : matrix) i j, L2 A i j = mm n G2 A i j) ->
  h / 2 * (L1 W i j + L2 W i j) + sqrt 3 / 12 * h ^ 2 * (L1 (L2 W) i j - L2 (L1 W) i j)
  = mm n (omega4 n h G1 G2) W i j.
Proof.
  intros n h L1 L2 G1 G2 W i j H1 H2. unfold omega4, commutator.
  rewrite mm_plus_l, !mm_scal_l, mm_plus_l, mm_minus_l, <- !mm_assoc, !H1, !H2. do 2 f_equal.
  f_equal; apply mm_ext; auto.
Qed.

(* Delta: W Ω₄ with Ω₄ = K S Kᵀ, K = [k₁ k₂], g₁₂ = k₁·k₂. *)
Theorem magnus4_closure_delta : forall n_value n_key h beta1 beta2 v1 v2 k1 k2 W i j,
  let L1 A := msub (delta n_value n_key A beta1 v1 k1) (delta n_value n_key (fun _ _ => 0) beta1 v1 k1) in
  let L2 A := msub (delta n_value n_key A beta2 v2 k2) (delta n_value n_key (fun _ _ => 0) beta2 v2 k2) in
  h / 2 * (L1 W i j + L2 W i j) + sqrt 3 / 12 * h ^ 2 * (L2 (L1 W) i j - L1 (L2 W) i j)
  = mm n_key W
      (mm 2 (columns k1 k2)
        (mm 2 (magnus4_core h beta1 beta2 (dot n_key k1 k2) (dot n_key k1 k2)) (transpose (columns k1 k2)))) i j.
Proof.
  intros. rewrite (omega4_right n_key h L1 L2 (generator beta1 k1 k1) (generator beta2 k2 k2))
    by (intros; apply delta_generator).
  apply mm_ext; [reflexivity|]. intros. rewrite magnus4_closure. now rewrite (dot_sym n_key k2 k1).
Qed.

(* Oja, by the other side: Ω₄ W with Ω₄ = V S Vᵀ, V = [v₁ v₂], g₁₂ = v₁·v₂. *)
Theorem magnus4_closure_oja : forall n_value n_key h beta1 beta2 v1 v2 k1 k2 W i j,
  let L1 A := msub (oja n_value n_key A beta1 v1 k1) (oja n_value n_key (fun _ _ => 0) beta1 v1 k1) in
  let L2 A := msub (oja n_value n_key A beta2 v2 k2) (oja n_value n_key (fun _ _ => 0) beta2 v2 k2) in
  h / 2 * (L1 W i j + L2 W i j) + sqrt 3 / 12 * h ^ 2 * (L1 (L2 W) i j - L2 (L1 W) i j)
  = mm n_value
      (mm 2 (columns v1 v2)
        (mm 2 (magnus4_core h beta1 beta2 (dot n_value v1 v2) (dot n_value v1 v2)) (transpose (columns v1 v2)))) W i j.
Proof.
  intros. rewrite (omega4_left n_value h L1 L2 (generator beta1 v1 v1) (generator beta2 v2 v2))
    by (intros; apply oja_generator).
  apply mm_ext; [|reflexivity]. intros. rewrite magnus4_closure. now rewrite (dot_sym n_value v2 v1).
Qed.

(* A rule with an erase gate: W Ω₄ with Ω₄ = C S Kᵀ, C = [erase₁ ⊙ k₁, erase₂ ⊙ k₂], K = [k₁ k₂]. *)
Theorem magnus4_closure_erase_write : forall n_value n_key h write1 write2 v1 v2 erase1 erase2 k1 k2 W i j,
  let L1 A := msub (erase_write n_value n_key A write1 v1 erase1 k1)
                   (erase_write n_value n_key (fun _ _ => 0) write1 v1 erase1 k1) in
  let L2 A := msub (erase_write n_value n_key A write2 v2 erase2 k2)
                   (erase_write n_value n_key (fun _ _ => 0) write2 v2 erase2 k2) in
  let c1 key := erase1 key * k1 key in
  let c2 key := erase2 key * k2 key in
  h / 2 * (L1 W i j + L2 W i j) + sqrt 3 / 12 * h ^ 2 * (L2 (L1 W) i j - L1 (L2 W) i j)
  = mm n_key W
      (mm 2 (columns c1 c2)
        (mm 2 (magnus4_core h 1 1 (dot n_key k1 c2) (dot n_key k2 c1)) (transpose (columns k1 k2)))) i j.
Proof.
  intros. rewrite (omega4_right n_key h L1 L2 (generator 1 c1 k1) (generator 1 c2 k2))
    by (intros; apply erase_write_generator).
  apply mm_ext; [reflexivity|]. intros. now rewrite magnus4_closure.
Qed.

(* T12: constant controls commute, and then Ω₄ = h G: the step is the exact one. *)
Theorem magnus4_constant : forall n h G i j, omega4 n h G G i j = h * G i j.
Proof. intros. unfold omega4, commutator. field. Qed.
