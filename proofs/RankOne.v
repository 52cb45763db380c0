(* E3, E8: the exact step of every rule W' = β (u − W r) wᵀ − γ W, which writes u along w, reads along r, and decays.
   Delta reads what it writes (r = w = k); the gallery's leaky_delta and erase_write are such rules too. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Rules DeltaStep.
Open Scope R_scope.

Definition rank_one (m : nat) (W : matrix) (beta : R) (u r w : vector) (gamma : R) : matrix :=
  fun i j => beta * error m W u r i * w j - gamma * W i j.

Lemma delta_rank_one : forall n m W beta v k i j, delta n m W beta v k i j = rank_one m W beta v k k 0 i j.
Proof. intros. unfold delta, rank_one, error, mv. ring. Qed.

Lemma leaky_delta_rank_one : forall n m W beta v k gamma i j,
  leaky_delta n m W beta v k gamma i j = rank_one m W beta v k k gamma i j.
Proof. intros. unfold leaky_delta, rank_one, error, mv. ring. Qed.

Lemma erase_write_rank_one : forall n m W write v erase k i j,
  erase_write n m W write v erase k i j
  = rank_one m W 1 (fun i => write i * v i) (fun j => erase j * k j) k 0 i j.
Proof.
  intros. unfold erase_write, rank_one, error, mv.
  rewrite (sum_ext m (fun a => W i a * (erase a * k a)) (fun a => W i a * erase a * k a)) by (intros; ring). ring.
Qed.

(* ∫_0^h e^{−λs} ds = h φ₁(−λh) = (1 − e^{−λh})/λ, and h where λ = 0. *)
Definition decayed (lambda h : R) : R :=
  if Req_EM_T lambda 0 then h else (1 - exp (- (lambda * h))) / lambda.

Lemma decayed_zero : forall lambda, decayed lambda 0 = 0.
Proof.
  intro lambda. unfold decayed. destruct (Req_EM_T lambda 0); [reflexivity|].
  rewrite Rmult_0_r, Ropp_0, exp_0. unfold Rdiv. ring.
Qed.

Lemma decayed_exp : forall lambda h, exp (- (lambda * h)) = 1 - lambda * decayed lambda h.
Proof.
  intros lambda h. unfold decayed. destruct (Req_EM_T lambda 0) as [->|H]; [|field; exact H].
  rewrite Rmult_0_l, Ropp_0, exp_0. ring.
Qed.

Lemma decayed_add : forall lambda s t,
  decayed lambda (s + t) = decayed lambda s + decayed lambda t - lambda * decayed lambda s * decayed lambda t.
Proof.
  intros lambda s t. unfold decayed. destruct (Req_EM_T lambda 0) as [->|H]; [ring|].
  replace (- (lambda * (s + t))) with (- (lambda * s) + - (lambda * t)) by ring. rewrite exp_plus. field. exact H.
Qed.

Lemma derive_decayed : forall lambda h, is_derive (decayed lambda) h (exp (- (lambda * h))).
Proof.
  intros lambda h. destruct (Req_EM_T lambda 0) as [H|H].
  - apply (derive_ext (fun h => h)).
    { intro s. unfold decayed. destruct (Req_EM_T lambda 0); [reflexivity|contradiction]. }
    rewrite H, Rmult_0_l, Ropp_0, exp_0. apply derive_id.
  - apply (derive_ext (fun h => (1 - exp (- (lambda * h))) / lambda)).
    + intro s. unfold decayed. destruct (Req_EM_T lambda 0); [contradiction|reflexivity].
    + auto_derive; [trivial|]. field. exact H.
Qed.

(* W⁺ = e^{−γh} (W − α W r wᵀ) + c u wᵀ, λ = w·r, α = β h φ₁(−βλh), c = β h φ₁(−(γ + βλ)h). *)
Definition rank_one_flow (m : nat) (h : R) (W : matrix) (beta : R) (u r w : vector) (gamma : R) : matrix :=
  let lambda := beta * dot m w r in
  fun i j => exp (- (gamma * h)) * (W i j - beta * decayed lambda h * mv m W r i * w j)
             + beta * decayed (gamma + lambda) h * u i * w j.

Lemma rank_one_flow_zero : forall m W beta u r w gamma i j, rank_one_flow m 0 W beta u r w gamma i j = W i j.
Proof. intros. unfold rank_one_flow. rewrite !decayed_zero, Rmult_0_r, Ropp_0, exp_0. ring. Qed.

Lemma rank_one_flow_read : forall m h W beta u r w gamma i,
  mv m (rank_one_flow m h W beta u r w gamma) r i
  = exp (- ((gamma + beta * dot m w r) * h)) * mv m W r i
    + beta * dot m w r * decayed (gamma + beta * dot m w r) h * u i.
Proof.
  intros. unfold rank_one_flow. set (lambda := beta * dot m w r). cbv zeta.
  rewrite mv_plus, mv_scal, mv_minus.
  change (mv m (fun i j => beta * decayed lambda h * mv m W r i * w j) r i)
    with (mv m (outer (fun i => beta * decayed lambda h * mv m W r i) w) r i).
  change (mv m (fun i j => beta * decayed (gamma + lambda) h * u i * w j) r i)
    with (mv m (outer (fun i => beta * decayed (gamma + lambda) h * u i) w) r i).
  rewrite !mv_outer. replace (- ((gamma + lambda) * h)) with (- (gamma * h) + - (lambda * h)) by ring.
  rewrite exp_plus, (decayed_exp lambda). unfold lambda. ring.
Qed.

(* E3, E8: a semigroup … *)
Theorem rank_one_semigroup : forall m s t W beta u r w gamma i j,
  rank_one_flow m s (rank_one_flow m t W beta u r w gamma) beta u r w gamma i j
  = rank_one_flow m (s + t) W beta u r w gamma i j.
Proof.
  intros. unfold rank_one_flow at 1. cbv zeta. rewrite rank_one_flow_read. unfold rank_one_flow. cbv zeta.
  set (lambda := beta * dot m w r). rewrite !decayed_add.
  replace (- (gamma * (s + t))) with (- (gamma * s) + - (gamma * t)) by ring.
  replace (- ((gamma + lambda) * t)) with (- (gamma * t) + - (lambda * t)) by ring.
  rewrite !exp_plus.
  assert (Hs : 1 - (gamma + lambda) * decayed (gamma + lambda) s
               = exp (- (gamma * s)) * (1 - lambda * decayed lambda s)).
  { rewrite <- !decayed_exp, <- exp_plus. f_equal. ring. }
  rewrite (decayed_exp lambda t).
  set (Es := exp (- (gamma * s))) in *. set (Et := exp (- (gamma * t))).
  set (cs := decayed (gamma + lambda) s) in *. set (ct := decayed (gamma + lambda) t).
  set (als := decayed lambda s) in *. set (alt := decayed lambda t).
  replace (cs + ct - (gamma + lambda) * cs * ct) with (cs + ct * (1 - (gamma + lambda) * cs)) by ring.
  rewrite Hs. unfold lambda. ring.
Qed.

(* … whose derivative is the rule's rate, … *)
Theorem rank_one_flow_deriv : forall m h W beta u r w gamma i j,
  is_derive (fun h => rank_one_flow m h W beta u r w gamma i j) h
    (rank_one m (rank_one_flow m h W beta u r w gamma) beta u r w gamma i j).
Proof.
  intros. unfold rank_one, error. rewrite rank_one_flow_read. unfold rank_one_flow. cbv zeta.
  set (lambda := beta * dot m w r). set (y := mv m W r i).
  apply derive_eq with
    ((- gamma * exp (- (gamma * h))) * (W i j - beta * decayed lambda h * y * w j)
     + exp (- (gamma * h)) * (0 - beta * exp (- (lambda * h)) * y * w j)
     + beta * exp (- ((gamma + lambda) * h)) * u i * w j).
  - apply (derive_plus (fun h => exp (- (gamma * h)) * (W i j - beta * decayed lambda h * y * w j))
             (fun h => beta * decayed (gamma + lambda) h * u i * w j)).
    + apply (derive_mult (fun h => exp (- (gamma * h))) (fun h => W i j - beta * decayed lambda h * y * w j)).
      * auto_derive; [trivial | ring].
      * apply (derive_minus (fun _ => W i j) (fun h => beta * decayed lambda h * y * w j)); [apply derive_const|].
        apply (derive_scal_r (w j) (fun h => beta * decayed lambda h * y)).
        apply (derive_scal_r y (fun h => beta * decayed lambda h)). apply (derive_scal beta), derive_decayed.
    + apply (derive_scal_r (w j) (fun h => beta * decayed (gamma + lambda) h * u i)).
      apply (derive_scal_r (u i) (fun h => beta * decayed (gamma + lambda) h)).
      apply (derive_scal beta), derive_decayed.
  - assert (H : exp (- ((gamma + lambda) * h)) = exp (- (gamma * h)) * exp (- (lambda * h))).
    { rewrite <- exp_plus. f_equal. ring. }
    rewrite (decayed_exp (gamma + lambda) h) in H |- *.
    replace (exp (- (gamma * h)) * (0 - beta * exp (- (lambda * h)) * y * w j))
      with (- (beta * (exp (- (gamma * h)) * exp (- (lambda * h))) * y * w j)) by ring.
    rewrite <- H. unfold lambda. ring.
Qed.

(* … so that it is the flow, whatever the signs of β and γ: two solutions' read-outs W r differ by e^{−(γ+βλ)t}
   times what they differ by at a. *)
Theorem rank_one_flow_unique : forall n m field (beta : R) (u r w : vector) (gamma : R) breaks a b W,
  (forall t W i j, (i < n)%nat -> (j < m)%nat -> field t W i j = rank_one m W beta u r w gamma i j) ->
  solves n m field breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat ->
  W t i j = rank_one_flow m (t - a) (W a) beta u r w gamma i j.
Proof.
  intros n m field beta u r w gamma breaks a b W Hfield HW.
  set (Z := fun t => rank_one_flow m (t - a) (W a) beta u r w gamma).
  assert (HZ : solves n m (fun _ W => rank_one m W beta u r w gamma) breaks a b Z).
  { apply (solves_shift n m (fun W => rank_one m W beta u r w gamma) breaks a b a
             (fun h => rank_one_flow m h (W a) beta u r w gamma)). intros. apply rank_one_flow_deriv. }
  assert (HZ0 : forall i j, Z a i j = W a i j).
  { intros. unfold Z. replace (a - a) with 0 by ring. apply rank_one_flow_zero. }
  assert (HD : solves n m (fun t D i j => - (beta * mv m D r i * w j + gamma * D i j)) breaks a b
                 (fun t i j => W t i j - Z t i j)).
  { intros i j Hi Hj. destruct (HW i j Hi Hj) as [Wc Wd]. destruct (HZ i j Hi Hj) as [Zc Zd]. split.
    - intros t Ht. apply (cont_minus (fun s => W s i j) (fun s => Z s i j)); auto.
    - intros t Ht Hn. eapply derive_eq.
      + apply (derive_minus (fun s => W s i j) (fun s => Z s i j)); auto.
      + rewrite (Hfield t (W t) i j Hi Hj), mv_minus. unfold rank_one, error. ring. }
  set (D := fun t i j => W t i j - Z t i j) in HD.
  assert (Hread : forall t i, a <= t <= b -> (i < n)%nat -> mv m (D t) r i = 0).
  { intros t i Ht Hi.
    rewrite (exponential_between breaks (fun s => mv m (D s) r i) (gamma + beta * dot m w r) a t); [ | lra | |].
    - unfold mv at 1. rewrite sum_eq_zero; [ring|]. intros. unfold D. rewrite HZ0. ring.
    - intros s Hs. apply (cont_dot m (fun s => D s i) (fun _ => r)); intros j Hj; [|apply cont_const].
      eapply solves_cont; eauto; lra.
    - intros s Hs Hn. eapply derive_eq.
      + apply (derive_mv n m D (fun i j => - (beta * mv m (D s) r i * w j + gamma * D s i j))); [|exact Hi].
        intros i' j' Hi' Hj'. eapply (solves_derive _ _ _ _ _ _ _ HD); auto; lra.
      + unfold mv at 1.
        rewrite (sum_ext m _ (fun j => - (beta * mv m (D s) r i) * (w j * r j) - gamma * (D s i j * r j)))
          by (intros; ring).
        rewrite sum_minus, !sum_scal_l. fold (dot m w r). fold (mv m (D s) r i). ring. }
  intros t i j Ht Hi Hj. apply Rminus_diag_uniq. change (D t i j = 0).
  rewrite (exponential_between breaks (fun s => D s i j) gamma a t); [ | lra | |].
  - unfold D. rewrite HZ0. ring.
  - intros s Hs. eapply (solves_cont _ _ _ _ _ _ _ HD); auto; lra.
  - intros s Hs Hn. eapply derive_eq; [eapply (solves_derive _ _ _ _ _ _ _ HD); auto; lra|].
    cbv beta. change (fun i j => W s i j - Z s i j) with (D s). rewrite Hread by (lra || exact Hi). unfold D. ring.
Qed.

(* E3: the exact step of the generated leaky_delta *)
Corollary leaky_delta_flow_deriv : forall n m h W beta v k gamma i j,
  is_derive (fun h => rank_one_flow m h W beta v k k gamma i j) h
    (leaky_delta n m (rank_one_flow m h W beta v k k gamma) beta v k gamma i j).
Proof. intros. rewrite leaky_delta_rank_one. apply rank_one_flow_deriv. Qed.

Corollary leaky_delta_flow_unique : forall n m (beta : R) (v k : vector) (gamma : R) breaks a b W,
  solves n m (fun _ W => leaky_delta n m W beta v k gamma) breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat ->
  W t i j = rank_one_flow m (t - a) (W a) beta v k k gamma i j.
Proof.
  intros n m beta v k gamma breaks a b W H. eapply rank_one_flow_unique; [|exact H].
  intros. apply leaky_delta_rank_one.
Qed.

(* E8: the exact step of the generated erase_write, α = (1 − e^{−hλ})/λ, λ = k·(erase ⊙ k) *)
Definition erase_write_step (m : nat) (h : R) (W : matrix) (write v erase k : vector) : matrix :=
  fun i j => W i j + decayed (dot m k (fun j => erase j * k j)) h
                     * error m W (fun i => write i * v i) (fun j => erase j * k j) i * k j.

Lemma erase_write_step_rank_one : forall m h W write v erase k i j,
  erase_write_step m h W write v erase k i j
  = rank_one_flow m h W 1 (fun i => write i * v i) (fun j => erase j * k j) k 0 i j.
Proof.
  intros. unfold erase_write_step, rank_one_flow, error. cbv zeta.
  rewrite Rmult_0_l, Ropp_0, exp_0, !Rmult_1_l, Rplus_0_l. ring.
Qed.

Corollary erase_write_step_deriv : forall n m h W write v erase k i j,
  is_derive (fun h => erase_write_step m h W write v erase k i j) h
    (erase_write n m (erase_write_step m h W write v erase k) write v erase k i j).
Proof.
  intros. rewrite erase_write_rank_one.
  apply (derive_ext (fun h => rank_one_flow m h W 1 (fun i => write i * v i) (fun j => erase j * k j) k 0 i j));
    [intro; symmetry; apply erase_write_step_rank_one|].
  eapply derive_eq; [apply rank_one_flow_deriv|]. unfold rank_one.
  rewrite erase_write_step_rank_one. do 3 f_equal.
  apply error_ext. intros. symmetry. apply erase_write_step_rank_one.
Qed.

Corollary erase_write_flow_unique : forall n m (write v erase k : vector) breaks a b W,
  solves n m (fun _ W => erase_write n m W write v erase k) breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat ->
  W t i j = erase_write_step m (t - a) (W a) write v erase k i j.
Proof.
  intros n m write v erase k breaks a b W H t i j Ht Hi Hj. rewrite erase_write_step_rank_one.
  eapply rank_one_flow_unique; eauto. intros. apply erase_write_rank_one.
Qed.

(* Delta's own step is the one without decay. *)
Lemma delta_step_rank_one : forall m h W beta v k i j, (j < m)%nat ->
  delta_step m h W beta v k i j = rank_one_flow m h W beta v k k 0 i j.
Proof.
  intros m h W beta v k i j Hj. unfold delta_step, rank_one_step, rank_one_flow, alpha, decayed, error. cbv zeta.
  fold (norm2 m k). rewrite Rmult_0_l, Ropp_0, exp_0, Rplus_0_l.
  destruct (Req_dec (norm2 m k) 0) as [Hk|Hk]; [rewrite (norm2_eq_zero m k Hk j Hj); ring|].
  destruct (Req_EM_T (beta * norm2 m k) 0) as [Hz|Hz].
  - assert (beta = 0) as -> by (apply Rmult_integral in Hz; tauto).
    rewrite !Rmult_0_l, Ropp_0, exp_0. unfold Rdiv. ring.
  - field. split; [exact Hk | intro; subst; lra].
Qed.
