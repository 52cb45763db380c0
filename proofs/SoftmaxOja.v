(* Oja's rule with a softmax of the error: its solution in closed form, up to one root, and that there is no other. *)
From Coq Require Import Reals Lra List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus ProductRoot Rules.
Open Scope R_scope.

(* e = k − Wᵀv *)
Definition key_error (n_value : nat) (W : matrix) (v k : vector) : vector := fun j => k j - vm n_value v W j.

(* e_j(t) = −ln(e^{−e_j(0)} + τ(t)) *)
Definition key_error_closed (e0 : vector) (tau : R) : vector := fun j => - ln (exp (- e0 j) + tau).

(* W(t) = W(0) + v (e(0) − e(t))ᵀ/|v|² *)
Definition softmax_oja_flow (n_value : nat) (W0 : matrix) (v k : vector) (tau : R) : matrix :=
  let e0 := key_error n_value W0 v k in
  fun i j => W0 i j + v i * (e0 j - key_error_closed e0 tau j) / norm2 n_value v.

Lemma softmax_ext : forall n f g i, (forall j, (j < n)%nat -> f j = g j) -> (i < n)%nat ->
  softmax n f i = softmax n g i.
Proof.
  intros n f g i H Hi. unfold softmax. rewrite (H i Hi). f_equal. apply sum_ext; intros j Hj. now rewrite H.
Qed.

Section Flow.

(* Constant controls with v ≠ 0, a solution from W(0), and a(0) = e^{−e(0)}. *)
Variables (n_value n_key : nat) (W0 : matrix) (beta : R) (v k : vector).
Hypothesis key_pos : (0 < n_key)%nat.
Hypothesis v_pos : 0 < norm2 n_value v.

Let c := beta * norm2 n_value v.
Let e0 := key_error n_value W0 v k.
Let a := fun j => exp (- e0 j).

Lemma exp_error_pos : forall j, (j < n_key)%nat -> 0 < a j.
Proof. intros. apply exp_pos. Qed.

(* The error of the closed form is what its name says. *)
Lemma softmax_oja_flow_error : forall tau j,
  key_error n_value (softmax_oja_flow n_value W0 v k tau) v k j = key_error_closed e0 tau j.
Proof.
  intros tau j. unfold key_error at 1, softmax_oja_flow, vm. fold e0.
  rewrite (sum_ext n_value _
    (fun i => v i * W0 i j + v i * v i * ((e0 j - key_error_closed e0 tau j) / norm2 n_value v)))
    by (intros; field; lra).
  rewrite sum_plus, sum_scal_r. fold (dot n_value v v). fold (norm2 n_value v).
  replace (sum n_value (fun i => v i * W0 i j)) with (k j - e0 j) by (unfold e0, key_error, vm; ring). field. lra.
Qed.

Variable tau : R -> R.
Hypothesis tau_root : forall t, is_root n_key a (c * t) (tau t).

Lemma tau_derive : forall t, is_derive tau t (c / sum n_key (fun j => / (a j + tau t))).
Proof.
  intro t. set (r x := proj1_sig (root_exists n_key a key_pos exp_error_pos x)).
  assert (Hr : forall x, is_root n_key a x (r x))
    by (intro x; exact (proj2_sig (root_exists n_key a key_pos exp_error_pos x))).
  assert (Heq : forall t, r (c * t) = tau t) by (intro; eapply root_unique; eauto using exp_error_pos).
  apply (derive_ext (fun s => r (c * s))); [exact Heq|]. rewrite <- Heq.
  apply derive_eq with (/ sum n_key (fun j => / (a j + r (c * t))) * (c * 1)); [|unfold Rdiv; ring].
  apply (derive_comp r (fun s => c * s)).
  - apply (root_derive n_key a key_pos exp_error_pos r Hr).
  - apply (derive_scal c (fun s => s)), derive_id.
Qed.

Lemma key_error_closed_derive : forall t j, (j < n_key)%nat ->
  is_derive (fun s => key_error_closed e0 (tau s) j) t (- c * softmax n_key (key_error_closed e0 (tau t)) j).
Proof.
  intros t j Hj. destruct (tau_root t) as [Hpos _]. fold (a j) in Hpos.
  apply derive_eq with (- (/ (a j + tau t) * (0 + c / sum n_key (fun j => / (a j + tau t))))).
  - apply (derive_opp (fun s => ln (a j + tau s))). apply (derive_comp ln (fun s => a j + tau s)).
    + apply is_derive_ln. auto.
    + apply (derive_plus (fun _ => a j) tau); [apply derive_const | apply tau_derive].
  - unfold softmax. assert (Hinv : forall i, (i < n_key)%nat -> exp (key_error_closed e0 (tau t) i) = / (a i + tau t)).
    { intros i Hi. unfold key_error_closed. fold (a i). rewrite exp_Ropp, exp_ln by auto. reflexivity. }
    rewrite (Hinv j Hj), (sum_ext n_key _ (fun i => / (a i + tau t)) Hinv). unfold Rdiv. ring.
Qed.

(* T9: W(t) = W(0) + v (e(0) − e(t))ᵀ/|v|² solves the rule at every t. *)
Theorem softmax_oja_closed : forall t i j, (j < n_key)%nat ->
  let W s := softmax_oja_flow n_value W0 v k (tau s) in
  is_derive (fun s => W s i j) t (softmax_oja n_value n_key (W t) beta v k i j).
Proof.
  intros t i j Hj W.
  apply derive_eq with (0 + v i * (0 - - c * softmax n_key (key_error_closed e0 (tau t)) j) / norm2 n_value v).
  - apply (derive_plus (fun _ => W0 i j)); [apply derive_const|].
    apply (derive_scal_r (/ norm2 n_value v) (fun s => v i * (e0 j - key_error_closed e0 (tau s) j))).
    apply (derive_scal (v i) (fun s => e0 j - key_error_closed e0 (tau s) j)).
    apply (derive_minus (fun _ => e0 j)); [apply derive_const | now apply key_error_closed_derive].
  - unfold softmax_oja.
    change (fun key => k key - sum n_value (fun l => v l * W t l key)) with (key_error n_value (W t) v k).
    rewrite (softmax_ext n_key (key_error n_value (W t) v k) (key_error_closed e0 (tau t)))
      by (auto; intros; apply softmax_oja_flow_error).
    unfold c. field. lra.
Qed.

(* It begins at W(0). *)
Theorem softmax_oja_closed_initial : forall i j, softmax_oja_flow n_value W0 v k (tau 0) i j = W0 i j.
Proof.
  intros i j. assert (Hz : tau 0 = 0).
  { apply (root_unique n_key a key_pos exp_error_pos 0); [|apply root_zero; auto using exp_error_pos].
    generalize (tau_root 0). now rewrite Rmult_0_r. }
  unfold softmax_oja_flow, key_error_closed. fold e0. rewrite Hz, Rplus_0_r, ln_exp. field. lra.
Qed.

(* T9, the sum law: Σ_j e_j(t) = Σ_j e_j(0) − c t with c = β|v|². *)
Theorem softmax_oja_sum : forall t, sum n_key (key_error_closed e0 (tau t)) = sum n_key e0 - c * t.
Proof.
  intro t. destruct (tau_root t) as [Hpos E]. apply root_iff_sum in E; auto using exp_error_pos.
  rewrite (sum_ext n_key (fun j => ln (a j)) (fun j => - e0 j)) in E by (intros; apply ln_exp).
  rewrite sum_opp in E. unfold key_error_closed.
  change (fun j => - ln (exp (- e0 j) + tau t)) with (fun j => - ln (a j + tau t)). rewrite sum_opp. lra.
Qed.

(* T9: for β ≥ 0 every e_j is nonincreasing; and their order is kept. *)
Theorem softmax_oja_decreasing : forall s t j, 0 <= beta -> s <= t -> (j < n_key)%nat ->
  key_error_closed e0 (tau t) j <= key_error_closed e0 (tau s) j.
Proof.
  intros s t j Hb Hst Hj. apply Ropp_le_contravar. fold (a j).
  assert (Hle : c * s <= c * t) by (apply Rmult_le_compat_l; [unfold c; nra | exact Hst]).
  destruct (tau_root s) as [Hpos _]. destruct Hle as [Hlt|Heq].
  - apply Rlt_le, ln_increasing; [auto|].
    generalize (root_increasing n_key a key_pos exp_error_pos _ _ _ _ (tau_root s) (tau_root t) Hlt). lra.
  - assert (Htau := tau_root t). rewrite <- Heq in Htau.
    rewrite (root_unique n_key a key_pos exp_error_pos _ _ _ (tau_root s) Htau). lra.
Qed.

Theorem softmax_oja_order : forall t i j, (i < n_key)%nat -> (j < n_key)%nat -> e0 i <= e0 j ->
  key_error_closed e0 (tau t) i <= key_error_closed e0 (tau t) j.
Proof.
  intros t i j Hi Hj Hle. apply Ropp_le_contravar. destruct (tau_root t) as [Hpos _].
  generalize (Hpos j Hj). unfold a. intro. destruct Hle as [Hlt|Heq]; [|rewrite Heq; apply Rle_refl].
  apply Rlt_le, ln_increasing; [assumption|]. apply Rplus_lt_compat_r, exp_increasing. lra.
Qed.

(* T9: there is no other solution. *)
Theorem softmax_oja_unique : forall breaks b (W : R -> matrix),
  (forall i j, (i < n_value)%nat -> (j < n_key)%nat -> W 0 i j = W0 i j) ->
  solves n_value n_key (fun _ V => softmax_oja n_value n_key V beta v k) breaks 0 b W ->
  forall t i j, 0 <= t <= b -> (i < n_value)%nat -> (j < n_key)%nat ->
  W t i j = softmax_oja_flow n_value W0 v k (tau t) i j.
Proof.
  intros breaks b W Hinit Hsol t i j Ht Hi Hj. set (e s := key_error n_value (W s) v k).
  assert (Hcont : forall j s, (j < n_key)%nat -> 0 <= s <= b -> continuous (fun s => e s j) s).
  { intros l s Hl Hs. apply (cont_minus (fun _ => k l)); [apply cont_const|].
    apply (cont_dot n_value (fun _ => v) (fun s i => W s i l)); intros; [apply cont_const | now apply Hsol]. }
  assert (Hder : forall j s, (j < n_key)%nat -> 0 < s < b -> ~ In s breaks ->
    is_derive (fun s => e s j) s (- c * softmax n_key (e s) j)).
  { intros l s Hl Hs Hn. eapply derive_eq.
    - apply (derive_minus (fun _ => k l)); [apply derive_const|].
      apply (derive_dot n_value (fun _ => v) (fun s i => W s i l)); intros; [apply derive_const | now apply Hsol].
    - unfold c, softmax_oja.
      change (fun key => k key - sum n_value (fun i => v i * W s i key)) with (e s).
      assert (dot n_value (fun _ => 0) (fun i => W s i l) = 0) as -> by (apply sum_eq_zero; intros; ring).
      rewrite (dot_ext n_value v v _ (fun i => beta * softmax n_key (e s) l * v i)) by (intros; ring).
      rewrite dot_scal_r. unfold norm2. ring. }
  assert (Hstart : forall j, (j < n_key)%nat -> e 0 j = e0 j).
  { intros l Hl. unfold e, e0, key_error, vm. f_equal. apply sum_ext; intros. now rewrite Hinit. }
  assert (Hexp_cont : forall l s, (l < n_key)%nat -> 0 <= s <= t -> continuous (fun s => exp (- e s l)) s).
  { intros l s Hl Hs. apply (continuous_comp (fun s => - e s l) exp).
    - apply (continuous_opp (fun s => e s l)), Hcont; [assumption | lra].
    - apply (cont_derive exp _ (exp (- e s l))), is_derive_exp. }
  assert (Hexp_derive : forall l s, (l < n_key)%nat -> 0 < s < b -> ~ In s breaks ->
    is_derive (fun s => exp (- e s l)) s (exp (- e s l) * - (- c * softmax n_key (e s) l))).
  { intros l s Hl Hs Hn. apply (derive_comp exp (fun s => - e s l)); [apply is_derive_exp|].
    apply (derive_opp (fun s => e s l)). now apply Hder. }
  (* every e^{−e_j} has grown by the same τ *)
  set (grown s := exp (- e s O) - a O).
  assert (Hgrown : forall l, (l < n_key)%nat -> exp (- e t l) = a l + grown t).
  { intros l Hl. apply Rminus_diag_uniq. unfold grown.
    transitivity (exp (- e 0 l) - exp (- e 0 O) - a l + a O);
      [|rewrite !Hstart by assumption; unfold a; ring].
    cut (exp (- e t l) - exp (- e t O) = exp (- e 0 l) - exp (- e 0 O)); [lra|].
    apply (constant_between breaks (fun s => exp (- e s l) - exp (- e s O))); [lra | |].
    - intros s Hs. apply (cont_minus (fun s => exp (- e s l)) (fun s => exp (- e s O))); apply Hexp_cont; assumption.
    - intros s Hs Hn. eapply derive_eq.
      + apply (derive_minus (fun s => exp (- e s l)) (fun s => exp (- e s O))); apply Hexp_derive; try assumption; lra.
      + unfold softmax. rewrite !exp_Ropp. field.
        repeat split; try (apply Rgt_not_eq, exp_pos).
        apply Rgt_not_eq, sum_pos; [assumption | intros; apply exp_pos]. }
  assert (Htau : grown t = tau t).
  { apply (root_unique n_key a key_pos exp_error_pos (c * t)); [|apply tau_root].
    assert (Hpos : forall l, (l < n_key)%nat -> 0 < a l + grown t)
      by (intros; rewrite <- Hgrown by assumption; apply exp_pos).
    split; [exact Hpos|]. apply root_iff_sum; auto using exp_error_pos.
    rewrite (sum_ext n_key (fun l => ln (a l + grown t)) (fun l => - e t l))
      by (intros; rewrite <- Hgrown by assumption; apply ln_exp).
    rewrite (sum_ext n_key (fun l => ln (a l)) (fun l => - e 0 l))
      by (intros; rewrite Hstart by assumption; apply ln_exp).
    rewrite !sum_opp. cut (sum n_key (e t) + c * t = sum n_key (e 0) + c * 0); [lra|].
    apply (constant_between breaks (fun s => sum n_key (e s) + c * s)); [lra | |].
    - intros s Hs. apply (cont_plus (fun s => sum n_key (e s)) (fun s => c * s)).
      + apply cont_sum. intros. apply Hcont; auto; lra.
      + apply (cont_mult (fun _ => c) (fun s => s)); [apply cont_const | apply continuous_id].
    - intros s Hs Hn. eapply derive_eq.
      + apply (derive_plus (fun s => sum n_key (e s)) (fun s => c * s)).
        * apply derive_sum. intros. apply Hder; auto; lra.
        * apply (derive_scal c (fun s => s)), derive_id.
      + rewrite sum_scal_l. unfold softmax, Rdiv.
        rewrite sum_scal_r. field. apply Rgt_not_eq, sum_pos; [assumption | intros; apply exp_pos]. }
  assert (Herr : forall l, (l < n_key)%nat -> e t l = key_error_closed e0 (tau t) l).
  { intros l Hl. unfold key_error_closed. fold (a l). rewrite <- Htau, <- Hgrown, ln_exp by assumption. ring. }
  unfold softmax_oja_flow. fold e0. rewrite <- Herr, <- Hstart, <- Hinit by assumption.
  cut (W t i j + v i * e t j / norm2 n_value v = W 0 i j + v i * e 0 j / norm2 n_value v); [lra|].
  apply (constant_between breaks (fun s => W s i j + v i * e s j / norm2 n_value v)); [lra | |].
  - intros s Hs.
    apply (cont_plus (fun s => W s i j) (fun s => v i * e s j / norm2 n_value v)); [apply Hsol; auto; lra|].
    apply (cont_mult (fun s => v i * e s j) (fun _ => / norm2 n_value v)); [|apply cont_const].
    apply (cont_mult (fun _ => v i)); [apply cont_const | apply Hcont; auto; lra].
  - intros s Hs Hn. eapply derive_eq.
    + apply (derive_plus (fun s => W s i j) (fun s => v i * e s j / norm2 n_value v)); [apply Hsol; auto; lra|].
      apply (derive_scal_r (/ norm2 n_value v) (fun s => v i * e s j)).
      apply (derive_scal (v i) (fun s => e s j)), Hder; auto; lra.
    + unfold softmax_oja. change (fun key => k key - sum n_value (fun l => v l * W s l key)) with (e s).
      unfold c. field. lra.
Qed.

End Flow.

(* T9: the roots exist, so from every W(0) there is a solution for all t. *)
Theorem softmax_oja_exists : forall n_value n_key W0 beta v k,
  (0 < n_key)%nat -> 0 < norm2 n_value v ->
  exists W : R -> matrix, (forall i j, W 0 i j = W0 i j) /\
    forall t i j, (j < n_key)%nat -> is_derive (fun s => W s i j) t (softmax_oja n_value n_key (W t) beta v k i j).
Proof.
  intros n_value n_key W0 beta v k Hn Hv. set (a := fun j => exp (- key_error n_value W0 v k j)).
  assert (Ha : forall j, (j < n_key)%nat -> 0 < a j) by (intros; apply exp_pos).
  set (tau t := proj1_sig (root_exists n_key a Hn Ha (beta * norm2 n_value v * t))).
  assert (Htau : forall t, is_root n_key a (beta * norm2 n_value v * t) (tau t))
    by (intro t; exact (proj2_sig (root_exists n_key a Hn Ha (beta * norm2 n_value v * t)))).
  exists (fun t => softmax_oja_flow n_value W0 v k (tau t)). split.
  - now apply softmax_oja_closed_initial with (n_key := n_key) (beta := beta).
  - intros t i j Hj. now apply softmax_oja_closed.
Qed.
