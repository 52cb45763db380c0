(* The root τ of Π_i (1 + τ/a_i) = eˣ with every a_i + τ > 0: there is one, and how it moves with x. *)
From Coq Require Import Reals Ranalysis5 Lra Lia.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus TensorMore.
Open Scope R_scope.

Fixpoint prod (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 1
  | S m => prod m f * f m
  end.

(* τ is a root for a and x. *)
Definition is_root (n : nat) (a : vector) (x tau : R) : Prop :=
  (forall i, (i < n)%nat -> 0 < a i + tau) /\ prod n (fun i => 1 + tau / a i) = exp x.

Lemma prod_zero : forall n f i, (i < n)%nat -> f i = 0 -> prod n f = 0.
Proof.
  induction n; intros f i Hi H; [lia|]. simpl.
  destruct (Nat.eq_dec i n) as [<-|]; [rewrite H; ring | rewrite (IHn f i); [ring | lia | exact H]].
Qed.

(* A factor of a product of factors ≥ 1 is at most the product. *)
Lemma prod_factor_le : forall n f i, (i < n)%nat -> (forall j, (j < n)%nat -> 1 <= f j) -> f i <= prod n f.
Proof.
  assert (Hone : forall n f, (forall j, (j < n)%nat -> 1 <= f j) -> 1 <= prod n f).
  { induction n; intros f H; simpl; [lra|]. assert (1 <= prod n f) by auto. assert (1 <= f n) by auto. nra. }
  induction n; intros f i Hi H; [lia|]. simpl. assert (1 <= f n) by auto. assert (1 <= prod n f) by (apply Hone; auto).
  destruct (Nat.eq_dec i n) as [->|]; [nra|]. assert (f i <= prod n f) by (apply IHn; [lia | auto]). nra.
Qed.

Section Root.

Variables (n : nat) (a : vector).
Hypothesis n_pos : (0 < n)%nat.
Hypothesis a_pos : forall i, (i < n)%nat -> 0 < a i.

(* ln Π = Σ ln *)
Lemma ln_prod : forall m f, (forall i, (i < m)%nat -> 0 < f i) ->
  0 < prod m f /\ ln (prod m f) = sum m (fun i => ln (f i)).
Proof.
  induction m; intros f H; simpl; [split; [lra | apply ln_1]|].
  destruct (IHm f) as [Hpos Hln]; [auto|]. assert (0 < f m) by auto.
  split; [now apply Rmult_lt_0_compat | rewrite ln_mult by assumption; now rewrite Hln].
Qed.

Lemma smallest : {i | (i < n)%nat /\ forall j, (j < n)%nat -> a i <= a j}.
Proof.
  clear a_pos. revert n_pos. induction n as [|m IH]; [lia|]. intros _. destruct m as [|m].
  - exists O. split; [lia|]. intros j Hj. replace j with O by lia. apply Rle_refl.
  - destruct IH as [i [Hi H]]; [lia|]. destruct (Rle_dec (a i) (a (S m))) as [Hle|Hgt].
    + exists i. split; [lia|]. intros j Hj. destruct (Nat.eq_dec j (S m)) as [->|]; [exact Hle | apply H; lia].
    + exists (S m). split; [lia|]. intros j Hj. destruct (Nat.eq_dec j (S m)) as [->|]; [lra|].
      apply Rle_trans with (a i); [lra | apply H; lia].
Qed.

(* The product law as a law of sums: Σ_i ln(a_i + τ) = x + Σ_i ln a_i. *)
Lemma root_iff_sum : forall x tau, (forall i, (i < n)%nat -> 0 < a i + tau) ->
  prod n (fun i => 1 + tau / a i) = exp x <-> sum n (fun i => ln (a i + tau)) - sum n (fun i => ln (a i)) = x.
Proof.
  intros x tau H. destruct (ln_prod n (fun i => 1 + tau / a i)) as [Hpos Hln].
  { intros i Hi. generalize (a_pos i Hi) (H i Hi). intros.
    replace (1 + tau / a i) with ((a i + tau) / a i) by (field; lra). now apply Rdiv_lt_0_compat. }
  assert (Hsum : sum n (fun i => ln (a i + tau)) - sum n (fun i => ln (a i)) = ln (prod n (fun i => 1 + tau / a i))).
  { rewrite Hln, <- sum_minus. apply sum_ext; intros i Hi. generalize (a_pos i Hi) (H i Hi). intros.
    rewrite <- ln_div by assumption. f_equal. field. lra. }
  rewrite Hsum. split; intro E; [rewrite E; apply ln_exp | rewrite <- E; symmetry; now apply exp_ln].
Qed.

Lemma sum_ln_increasing : forall tau sigma, (forall i, (i < n)%nat -> 0 < a i + tau) -> tau < sigma ->
  sum n (fun i => ln (a i + tau)) < sum n (fun i => ln (a i + sigma)).
Proof.
  intros tau sigma H Hlt. apply Rminus_gt_0_lt. rewrite <- sum_minus. apply sum_pos; [exact n_pos|].
  intros i Hi. apply Rlt_Rminus, ln_increasing; [auto | lra].
Qed.

(* T9: the root is unique, increases with x, and is ≥ 0 for x ≥ 0. *)
Theorem root_increasing : forall x y tau sigma,
  is_root n a x tau -> is_root n a y sigma -> x < y -> tau < sigma.
Proof.
  intros x y tau sigma [Ht Et] [Hs Es] Hlt.
  apply root_iff_sum in Et; [|exact Ht]. apply root_iff_sum in Es; [|exact Hs].
  destruct (Rtotal_order tau sigma) as [|[->|Hgt]]; [assumption | lra |].
  generalize (sum_ln_increasing sigma tau Hs Hgt). lra.
Qed.

Theorem root_unique : forall x tau sigma, is_root n a x tau -> is_root n a x sigma -> tau = sigma.
Proof.
  intros x tau sigma [Ht Et] [Hs Es]. apply root_iff_sum in Et; [|exact Ht]. apply root_iff_sum in Es; [|exact Hs].
  destruct (Rtotal_order tau sigma) as [Hlt|[|Hgt]]; [|assumption|];
    [generalize (sum_ln_increasing tau sigma Ht Hlt) | generalize (sum_ln_increasing sigma tau Hs Hgt)]; lra.
Qed.

Lemma root_zero : is_root n a 0 0.
Proof.
  split; [intros i Hi; rewrite Rplus_0_r; auto|]. apply root_iff_sum; [intros i Hi; rewrite Rplus_0_r; auto|].
  rewrite (sum_ext n (fun i => ln (a i + 0)) (fun i => ln (a i))); [ring|]. intros. now rewrite Rplus_0_r.
Qed.

Theorem root_nonneg : forall x tau, is_root n a x tau -> 0 <= x -> 0 <= tau.
Proof.
  intros x tau H [Hx|<-].
  - apply Rlt_le, (root_increasing 0 x); auto using root_zero.
  - right. apply (root_unique 0); auto using root_zero.
Qed.

(* T9: there is a root, for x of either sign. *)
Theorem root_exists : forall x, {tau | is_root n a x tau}.
Proof.
  intro x. set (F tau := prod n (fun i => 1 + tau / a i) - exp x).
  assert (Hcont : forall tau, continuity_pt F tau).
  { intro tau. apply continuity_pt_filterlim.
    apply (cont_minus (fun s => prod n (fun i => 1 + s / a i)) (fun _ => exp x)); [|apply cont_const].
    clear. induction n as [|m IH]; simpl; [apply cont_const|].
    apply (cont_mult (fun s => prod m (fun i => 1 + s / a i)) (fun s => 1 + s / a m)); [exact IH|].
    apply (cont_plus (fun _ => 1) (fun s => s / a m)); [apply cont_const|].
    apply (cont_mult (fun s => s) (fun _ => / a m)); [apply continuous_id | apply cont_const]. }
  destruct smallest as [low [Hlow Hmin]].
  assert (Hbelow : F (- a low) < 0).
  { assert (Hz : prod n (fun i => 1 + - a low / a i) = 0).
    { apply (prod_zero n _ low Hlow). generalize (a_pos low Hlow). intro. field. lra. }
    unfold F. rewrite Hz. generalize (exp_pos x). lra. }
  assert (Habove : 0 < F (a low * exp x)).
  { unfold F. generalize (exp_pos x) (a_pos low Hlow). intros Hexp Hpos.
    assert (Hge : 1 + exp x <= prod n (fun i => 1 + a low * exp x / a i)).
    { replace (1 + exp x) with (1 + a low * exp x / a low) by (field; lra).
      apply (prod_factor_le n (fun i => 1 + a low * exp x / a i) low Hlow). intros i Hi.
      assert (0 < a low * exp x / a i) by (apply Rdiv_lt_0_compat; [nra | auto]). lra. }
    lra. }
  destruct (IVT_interv F (- a low) (a low * exp x)) as [tau [[Hlo _] Hz]]; auto.
  - generalize (exp_pos x) (a_pos low Hlow). intros. nra.
  - exists tau. split; [|unfold F in Hz; lra]. intros i Hi. generalize (Hmin i Hi). intro.
    destruct Hlo as [|Heq]; [lra | subst tau; lra].
Qed.

Lemma root_derive : forall r, (forall x, is_root n a x (r x)) ->
  forall x, is_derive r x (/ sum n (fun i => / (a i + r x))).
Proof.
  intros r Hr. destruct smallest as [low [Hlow Hmin]].
  assert (Hpos : forall z, - a low < z -> forall i, (i < n)%nat -> 0 < a i + z)
    by (intros z Hz i Hi; generalize (Hmin i Hi); lra).
  apply (derive_inverse (- a low) (fun z => sum n (fun i => ln (a i + z)) - sum n (fun i => ln (a i)))
    (fun z => sum n (fun i => / (a i + z)))).
  - intros z Hz. eapply derive_eq.
    + apply (derive_minus (fun z => sum n (fun i => ln (a i + z))) (fun _ => sum n (fun i => ln (a i))));
        [|apply derive_const].
      apply (derive_sum n (fun z i => ln (a i + z)) (fun i => / (a i + z) * (0 + 1))). intros i Hi.
      apply (derive_comp ln (fun z => a i + z)); [apply is_derive_ln; auto|].
      apply (derive_plus (fun _ => a i) (fun z => z)); [apply derive_const | apply derive_id].
    + rewrite Rminus_0_r. apply sum_ext; intros. ring.
  - intros z Hz. apply sum_pos; [exact n_pos|]. intros i Hi. apply Rinv_0_lt_compat. auto.
  - intros z Hz. apply (cont_sum n (fun z i => / (a i + z))). intros i Hi.
    apply continuity_pt_filterlim, (continuity_pt_inv (fun z => a i + z)); [|apply Rgt_not_eq; now apply Hpos].
    apply continuity_pt_filterlim, (cont_plus (fun _ => a i) (fun z => z)); [apply cont_const | apply continuous_id].
  - intro x. destruct (Hr x) as [H _]. generalize (H low Hlow). lra.
  - intro x. destruct (Hr x) as [H E]. now apply root_iff_sum.
Qed.

End Root.
