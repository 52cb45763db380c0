(* T13: the factor of Delta's error in one step of a method, x = hβκ with κ = |k|², and when it contracts. *)
From Coq Require Import Reals Lra Lia.
From Fwp Require Import Tensor Rules DeltaStep.
Open Scope R_scope.

(* W⁺ = W + h W'; Cayley's step, with α rational in h; the classical Runge–Kutta step of order 4. *)
Definition euler_step (h : R) (rate : matrix -> matrix) (W : matrix) : matrix := fun i j => W i j + h * rate W i j.
Definition cayley_step (m : nat) (h : R) (W : matrix) (beta : R) (v k : vector) : matrix :=
  rank_one_step m (beta * h / (1 + beta * h * norm2 m k / 2)) W v k.
Definition rk4_step (h : R) (rate : matrix -> matrix) (W : matrix) : matrix :=
  let k1 := rate W in
  let k2 := rate (euler_step (h / 2) (fun _ => k1) W) in
  let k3 := rate (euler_step (h / 2) (fun _ => k2) W) in
  let k4 := rate (euler_step h (fun _ => k3) W) in
  fun i j => W i j + h / 6 * (k1 i j + 2 * k2 i j + 2 * k3 i j + k4 i j).

(* A step whose error is c times the error before makes it smaller iff |c| < 1. *)
Lemma factor_contracts : forall n c (e e' : vector),
  (forall i, (i < n)%nat -> e' i = c * e i) -> 0 < norm2 n e -> (norm2 n e' < norm2 n e <-> Rabs c < 1).
Proof.
  intros n c e e' He Hpos. rewrite (norm2_ext n e' (fun i => c * e i)) by exact He. rewrite norm2_scal.
  rewrite <- Rsqr_pow2, Rsqr_abs. unfold Rsqr. assert (Hc := Rabs_pos c). split; intro H.
  - destruct (Rlt_dec (Rabs c) 1) as [Hlt|Hge]; [exact Hlt | exfalso]. assert (1 <= Rabs c * Rabs c) by nra. nra.
  - assert (Rabs c * Rabs c < 1) by nra. nra.
Qed.

Lemma Rabs_lt_1 : forall c, Rabs c < 1 <-> -1 < c < 1.
Proof. intro c. split; [intro H; apply Rabs_def2 in H; lra | intros [H1 H2]; now apply Rabs_def1]. Qed.

(* v − (W + c β (v − W' k) kᵀ) k *)
Lemma delta_update_error : forall n m c W W' beta v k i,
  error m (fun i j => W i j + c * delta n m W' beta v k i j) v k i
  = error m W v k i - c * (beta * norm2 m k) * error m W' v k i.
Proof.
  intros.
  transitivity (error m (fun i j => W i j + c * (fun i => beta * error m W' v k i) i * k j) v k i).
  - apply error_ext; intros j _. unfold delta, error, mv. ring.
  - rewrite error_rank_one. ring.
Qed.

Section steps.
  Variables (n m : nat) (h : R) (W : matrix) (beta : R) (v k : vector).
  Let rate (W : matrix) := delta n m W beta v k.
  Let x := h * (beta * norm2 m k).
  Let shrinks (W' : matrix) := norm2 n (error m W' v k) < norm2 n (error m W v k).

  Lemma euler_error : forall i, error m (euler_step h rate W) v k i = (1 - x) * error m W v k i.
  Proof. intro i. unfold euler_step, rate. rewrite delta_update_error. unfold x. ring. Qed.

  (* T13: Euler's factor is 1 − x: the error shrinks iff 0 < x < 2 *)
  Theorem euler_stable_iff : 0 < norm2 n (error m W v k) -> (shrinks (euler_step h rate W) <-> 0 < x < 2).
  Proof.
    intro He. unfold shrinks. rewrite (factor_contracts n (1 - x) _ _ (fun i _ => euler_error i) He), Rabs_lt_1.
    split; intros; lra.
  Qed.

  (* T13: the exact factor is e^{−x}: the error shrinks iff x > 0 *)
  Theorem exact_stable_iff :
    0 < norm2 n (error m W v k) -> (shrinks (delta_step m h W beta v k) <-> 0 < x).
  Proof.
    intro He. unfold shrinks.
    assert (Herr : forall i, (i < n)%nat ->
              error m (delta_step m h W beta v k) v k i = exp (- x) * error m W v k i).
    { intros i _. rewrite delta_residual. f_equal. f_equal. unfold x. ring. }
    rewrite (factor_contracts n (exp (- x)) _ _ Herr He).
    rewrite Rabs_right by (left; apply exp_pos). rewrite <- exp_0. split; intro H.
    - apply exp_lt_inv in H. lra.
    - apply exp_increasing. lra.
  Qed.

  (* Cayley's step is the implicit midpoint rule: W⁺ = W + h W' at (W + W⁺)/2 *)
  Theorem cayley_midpoint : 1 + x / 2 <> 0 -> forall i j,
    let W' := cayley_step m h W beta v k in
    W' i j = W i j + h * rate (fun i j => (W i j + W' i j) / 2) i j.
  Proof.
    intros Hx i j W'. unfold rate.
    change (delta n m (fun i j => (W i j + W' i j) / 2) beta v k i j)
      with (beta * error m (fun i j => (W i j + W' i j) / 2) v k i * k j).
    assert (Hmid : error m (fun i j => (W i j + W' i j) / 2) v k i = (error m W v k i + error m W' v k i) / 2).
    { unfold error.
      replace (mv m (fun i j => (W i j + W' i j) / 2) k i) with ((mv m W k i + mv m W' k i) / 2); [field|].
      unfold mv, Rdiv. rewrite <- sum_plus, <- sum_scal_r. apply sum_ext; intros; field. }
    rewrite Hmid. unfold W' at 2, cayley_step. rewrite rank_one_step_error. unfold W', cayley_step, rank_one_step.
    unfold x in Hx. field. replace (2 + beta * h * norm2 m k) with (2 * (1 + h * (beta * norm2 m k) / 2)) by field.
    lra.
  Qed.

  (* T13: Cayley's factor is (1 − x/2)/(1 + x/2): the error shrinks for every x > 0, and, where x > −2, for no other *)
  Lemma cayley_error : 1 + x / 2 <> 0 -> forall i,
    error m (cayley_step m h W beta v k) v k i = (1 - x / 2) / (1 + x / 2) * error m W v k i.
  Proof.
    intros Hx i. unfold cayley_step. rewrite rank_one_step_error. f_equal. unfold x in *.
    field. replace (2 + beta * h * norm2 m k) with (2 * (1 + h * (beta * norm2 m k) / 2)) by field. lra.
  Qed.

  Theorem cayley_stable_iff :
    -2 < x -> 0 < norm2 n (error m W v k) -> (shrinks (cayley_step m h W beta v k) <-> 0 < x).
  Proof.
    intros Hx He. unfold shrinks.
    rewrite (factor_contracts n ((1 - x / 2) / (1 + x / 2)) _ _ (fun i _ => cayley_error ltac:(lra) i) He), Rabs_lt_1.
    replace ((1 - x / 2) / (1 + x / 2)) with (2 * / (1 + x / 2) - 1) by (field; lra).
    assert (Hinv : 0 < / (1 + x / 2)) by (apply Rinv_0_lt_compat; lra).
    assert (Hone : (1 + x / 2) * / (1 + x / 2) = 1) by (field; lra). split; intro H; [|split]; nra.
  Qed.

  Corollary cayley_stable : 0 < x -> 0 < norm2 n (error m W v k) -> shrinks (cayley_step m h W beta v k).
  Proof. intros Hx He. apply cayley_stable_iff; lra. Qed.

  (* T13: the factor of RK4 is 1 − x + x²/2 − x³/6 + x⁴/24 *)
  Definition rk4_factor (x : R) : R := 1 - x + x ^ 2 / 2 - x ^ 3 / 6 + x ^ 4 / 24.

  Lemma rk4_error : forall i, error m (rk4_step h rate W) v k i = rk4_factor x * error m W v k i.
  Proof.
    intro i. unfold rk4_step. cbv zeta.
    set (e := error m W v k i). set (K := beta * norm2 m k).
    set (W1 := euler_step (h / 2) (fun _ => rate W) W).
    set (W2 := euler_step (h / 2) (fun _ => rate W1) W).
    set (W3 := euler_step h (fun _ => rate W2) W).
    assert (H1 : error m W1 v k i = e - h / 2 * K * e)
      by (unfold W1, euler_step, rate; rewrite delta_update_error; reflexivity).
    assert (H2 : error m W2 v k i = e - h / 2 * K * error m W1 v k i)
      by (unfold W2, euler_step, rate; rewrite delta_update_error; reflexivity).
    assert (H3 : error m W3 v k i = e - h * K * error m W2 v k i)
      by (unfold W3, euler_step, rate; rewrite delta_update_error; reflexivity).
    set (V1 := fun i j => W i j + h / 6 * rate W i j).
    set (V2 := fun i j => V1 i j + h / 3 * rate W1 i j).
    set (V3 := fun i j => V2 i j + h / 3 * rate W2 i j).
    set (V4 := fun i j => V3 i j + h / 6 * rate W3 i j).
    transitivity (error m V4 v k i).
    - apply error_ext; intros j _. unfold V4, V3, V2, V1. field.
    - unfold V4, rate. rewrite delta_update_error. unfold V3, rate. rewrite delta_update_error.
      unfold V2, rate. rewrite delta_update_error. unfold V1, rate. rewrite delta_update_error.
      rewrite H3, H2, H1. fold e K. unfold rk4_factor, x. fold K. field.
  Qed.

  (* E6: RK4's step is W + c (v − W k) kᵀ with c = (1 − P)/κ, P its factor: the stages stay in W + span(· kᵀ) *)
  Theorem rk4_rank_one : norm2 m k <> 0 -> forall i j,
    rk4_step h rate W i j = rank_one_step m ((1 - rk4_factor x) / norm2 m k) W v k i j.
  Proof.
    intros Hk i j. unfold rk4_step. cbv zeta. unfold rank_one_step.
    set (W1 := euler_step (h / 2) (fun _ => rate W) W).
    set (W2 := euler_step (h / 2) (fun _ => rate W1) W).
    set (W3 := euler_step h (fun _ => rate W2) W).
    assert (Hrate : forall W, rate W i j = beta * error m W v k i * k j) by reflexivity. rewrite !Hrate.
    unfold W3, euler_step, rate. rewrite delta_update_error.
    unfold W2, euler_step, rate. rewrite delta_update_error.
    unfold W1, euler_step, rate. rewrite delta_update_error.
    unfold rk4_factor, x. field. exact Hk.
  Qed.

  Theorem rk4_stable_factor :
    0 < norm2 n (error m W v k) -> (shrinks (rk4_step h rate W) <-> Rabs (rk4_factor x) < 1).
  Proof. intro He. apply factor_contracts; [intros; apply rk4_error | exact He]. Qed.
End steps.

(* |1 − x + x²/2 − x³/6 + x⁴/24| < 1 iff 0 < x and x³ − 4x² + 12x < 24: the factor is always above −1. *)
Definition rk4_cubic (x : R) : R := x ^ 3 - 4 * x ^ 2 + 12 * x - 24.

Lemma rk4_factor_iff : forall x, Rabs (rk4_factor x) < 1 <-> 0 < x /\ rk4_cubic x < 0.
Proof.
  intro x. rewrite Rabs_lt_1. assert (Hlow : -1 < rk4_factor x).
  { assert (0 <= (x ^ 2 - 2 * x) ^ 2) by apply pow2_ge_0. unfold rk4_factor. nra. }
  assert (Hfac : rk4_factor x - 1 = x * rk4_cubic x / 24) by (unfold rk4_factor, rk4_cubic; field).
  split.
  - intros [_ H]. assert (Hneg : x * rk4_cubic x < 0) by lra.
    destruct (Rtotal_order x 0) as [Hx|[->|Hx]]; [|lra|split; [exact Hx | nra]].
    assert (rk4_cubic x < 0) by (unfold rk4_cubic; nra). nra.
  - intros [Hx H]. split; [exact Hlow | nra].
Qed.

Lemma rk4_cubic_increasing : forall x y, x < y -> rk4_cubic x < rk4_cubic y.
Proof.
  intros x y H. assert (Hd : rk4_cubic y - rk4_cubic x = (y - x) * (x ^ 2 + x * y + y ^ 2 - 4 * (x + y) + 12))
    by (unfold rk4_cubic; ring).
  assert (0 < x ^ 2 + x * y + y ^ 2 - 4 * (x + y) + 12).
  { assert (0 <= (x - y) ^ 2) by apply pow2_ge_0. assert (0 <= (3 * (x + y) - 8) ^ 2) by apply pow2_ge_0. nra. }
  assert (0 < (y - x) * (x ^ 2 + x * y + y ^ 2 - 4 * (x + y) + 12)) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

(* T13: RK4 contracts iff 0 < x < x₀, x₀ = 2.785… the only real root of x³ − 4x² + 12x − 24 *)
Theorem rk4_stable_iff : exists x0,
  2785 / 1000 < x0 < 2786 / 1000 /\ rk4_cubic x0 = 0 /\ (forall y, rk4_cubic y = 0 -> y = x0) /\
  forall n m h W beta v k, 0 < norm2 n (error m W v k) ->
    let x := h * (beta * norm2 m k) in
    (norm2 n (error m (rk4_step h (fun W => delta n m W beta v k) W) v k) < norm2 n (error m W v k) <-> 0 < x < x0).
Proof.
  assert (Hcont : continuity rk4_cubic) by (unfold rk4_cubic; reg).
  destruct (IVT rk4_cubic (2785 / 1000) (2786 / 1000) Hcont) as [x0 [Hx0 Hroot]];
    [lra | unfold rk4_cubic; lra | unfold rk4_cubic; lra |].
  assert (Hside : forall y, rk4_cubic y < 0 <-> y < x0).
  { intro y. rewrite <- Hroot. split; intro H; [|now apply rk4_cubic_increasing].
    destruct (Rtotal_order y x0) as [Hy|[->|Hy]]; [exact Hy | lra | apply rk4_cubic_increasing in Hy; lra]. }
  exists x0. repeat split.
  - destruct (proj1 Hx0) as [H|H]; [exact H | exfalso; rewrite <- H in Hroot; unfold rk4_cubic in Hroot; lra].
  - destruct (proj2 Hx0) as [H|H]; [exact H | exfalso; rewrite H in Hroot; unfold rk4_cubic in Hroot; lra].
  - exact Hroot.
  - intros y Hy. destruct (Rtotal_order y x0) as [H|[H|H]]; [|exact H|];
      apply rk4_cubic_increasing in H; lra.
  - apply rk4_stable_factor, rk4_factor_iff in H0; tauto.
  - apply rk4_stable_factor, rk4_factor_iff in H0; [|exact H]. apply Hside. tauto.
  - intros [H1 H2]. apply rk4_stable_factor; [exact H|]. apply rk4_factor_iff. split; [exact H1 | now apply Hside].
Qed.
