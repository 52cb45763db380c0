(* What some files need beyond Tensor and Calculus: the identity and the trace, states that are vectors, linear decay,
   the derivative of an inverse. *)
From Coq Require Import Reals Ranalysis5 Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor Calculus Primitives.
Open Scope R_scope.

(* tr A = Σ_i A_ii *)
Definition trace (n : nat) (A : matrix) : R := sum n (fun i => A i i).

(* The identity is symmetric and leaves vectors and matrices as they are. *)
Lemma eye_sym : forall i j, eye i j = eye j i.
Proof. intros i j. unfold eye. now rewrite Nat.eqb_sym. Qed.

Lemma mv_eye : forall n x i, (i < n)%nat -> mv n eye x i = x i.
Proof.
  intros n x i Hi. rewrite <- (sum_single n x i Hi). apply sum_ext; intros j _. unfold eye.
  destruct (Nat.eqb_spec i j), (Nat.eq_dec i j); try contradiction; ring.
Qed.

Lemma mm_eye_l : forall n A i j, (i < n)%nat -> mm n eye A i j = A i j.
Proof. intros n A i j Hi. exact (mv_eye n (fun a => A a j) i Hi). Qed.

Lemma mm_eye_r : forall n A i j, (j < n)%nat -> mm n A eye i j = A i j.
Proof.
  intros n A i j Hj. rewrite <- (mv_eye n (A i) j Hj). apply sum_ext; intros a _. rewrite eye_sym. ring.
Qed.

(* tr (A + B) = tr A + tr B, tr (c A) = c tr A, tr (u kᵀ) = u·k, tr (A B) = tr (B A). *)
Lemma trace_ext : forall n A B, (forall i, (i < n)%nat -> A i i = B i i) -> trace n A = trace n B.
Proof. intros n A B H. now apply sum_ext. Qed.

Lemma trace_scal : forall n c A, trace n (fun i j => c * A i j) = c * trace n A.
Proof. intros. apply sum_scal_l. Qed.

Lemma trace_outer : forall n u k, trace n (fun i j => u i * k j) = dot n u k.
Proof. reflexivity. Qed.

Lemma trace_mm : forall n m A B, trace n (mm m A B) = trace m (mm n B A).
Proof.
  intros. unfold trace, mm. rewrite sum_swap. apply sum_ext; intros a _. apply sum_ext; intros. ring.
Qed.

(* A state that is a vector solves w' = field(t, w) on [a, b], as `solves` says it of a matrix. *)
Definition solves_vector (n : nat) (field : R -> vector -> vector) (breaks : list R) (a b : R)
    (w : R -> vector) : Prop :=
  forall i, (i < n)%nat ->
    (forall t, a <= t <= b -> continuous (fun s => w s i) t) /\
    (forall t, a < t < b -> ~ In t breaks -> is_derive (fun s => w s i) t (field t (w t) i)).

(* D' = −r D with r ≥ 0: |D| is nonincreasing, and D ≥ 0 stays so. *)
Lemma decay_abs : forall breaks (D r : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous D t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive D t (- r t * D t)) ->
  (forall t, a <= t <= b -> 0 <= r t) -> Rabs (D b) <= Rabs (D a).
Proof.
  intros breaks D r a b Hab Hc Hd Hr. apply Rsqr_le_abs_0.
  apply (nonincreasing_between breaks (fun t => D t * D t) (fun t => - 2 * r t * (D t * D t)) a b Hab).
  - intros t Ht. apply (cont_mult D D); auto.
  - intros t Ht Hn. eapply derive_eq; [apply (derive_mult D D); apply Hd; auto | ring].
  - intros t Ht _. assert (0 <= r t) by (apply Hr; lra). generalize (Rle_0_sqr (D t)). unfold Rsqr. intros. nra.
Qed.

(* A continuous function that is ≥ 0 at a and < 0 at b vanishes between them. *)
Lemma zero_between : forall (f : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous f t) -> 0 <= f a -> f b < 0 -> exists c, a <= c <= b /\ f c = 0.
Proof.
  intros f a b Hab Hc Ha Hb.
  destruct (Rle_lt_or_eq_dec a b Hab) as [Hlt|<-]; [|lra].
  destruct (Rle_lt_or_eq_dec 0 (f a) Ha) as [Hpos|Hz]; [|exists a; split; [lra | auto]].
  destruct (IVT_interv (fun t => - f t) a b) as [c [Hbetween Hz]]; try lra.
  - intros t Ht. apply continuity_pt_filterlim. exact (continuous_opp f t (Hc t Ht)).
  - exists c. split; [exact Hbetween | lra].
Qed.

Lemma decay_sign : forall breaks (D r : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous D t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive D t (- r t * D t)) ->
  (forall t, a <= t <= b -> 0 <= r t) -> 0 <= D a -> 0 <= D b.
Proof.
  intros breaks D r a b Hab Hc Hd Hr H0. destruct (Rle_lt_dec 0 (D b)) as [|Hneg]; [assumption | exfalso].
  (* D would vanish on the way, and |D| could not grow from there *)
  destruct (zero_between D a b Hab Hc H0 Hneg) as [c [[Hac Hcb] Hz]].
  generalize (decay_abs breaks D r c b Hcb). intro Hdec. rewrite Hz, Rabs_R0 in Hdec.
  assert (Rabs (D b) <= 0) by (apply Hdec; intros; [apply Hc | apply Hd | apply Hr]; auto; lra).
  generalize (Rabs_pos_lt (D b)). lra.
Qed.

(* u·(A v) = (uᵀA)·v *)
Lemma dot_mv : forall n m u A v, dot n u (mv m A v) = dot m (vm n u A) v.
Proof.
  intros. unfold dot, mv, vm.
  rewrite (sum_ext n _ (fun i => sum m (fun j => u i * A i j * v j)))
    by (intros; rewrite <- sum_scal_l; apply sum_ext; intros; ring).
  rewrite sum_swap. apply sum_ext; intros. apply sum_scal_r.
Qed.

(* The derivative of an inverse: g' > 0 continuous on (low, ∞), g(r(x)) = x ⇒ r' = 1/g'(r). *)
Lemma derive_inverse : forall low (g g' r : R -> R),
  (forall z, low < z -> is_derive g z (g' z)) -> (forall z, low < z -> 0 < g' z) ->
  (forall z, low < z -> continuous g' z) ->
  (forall x, low < r x) -> (forall x, g (r x) = x) -> forall x, is_derive r x (/ g' (r x)).
Proof.
  intros low g g' r Hd Hpos Hc Hlow Hinv x.
  assert (Hinc : forall z z', low < z -> z < z' -> g z < g z').
  { intros z z' Hz Hlt. destruct (MVT_cor2 g g' z z' Hlt) as [c [E Hcz]].
    - intros c Hcz. apply is_derive_Reals, Hd. lra.
    - assert (0 < g' c) by (apply Hpos; lra). nra. }
  assert (Hrefl : forall z z', low < z' -> g z < g z' -> z < z').
  { intros z z' Hz Hlt. destruct (Rtotal_order z z') as [|[->|Hgt]]; [assumption | lra |].
    generalize (Hinc z' z Hz Hgt). lra. }
  apply is_derive_Reals. intros eps Heps.
  assert (Hcont : continuity_pt (fun z => / g' z) (r x)).
  { apply (continuity_pt_inv g'); [apply continuity_pt_filterlim, Hc, Hlow | apply Rgt_not_eq, Hpos, Hlow]. }
  destruct (Hcont eps Heps) as [d [Hdpos Hclose]].
  set (w := Rmin d (r x - low) / 2). generalize (Hlow x). intro Hx.
  assert (Hw : 0 < w < d /\ w < r x - low)
    by (unfold w; generalize (Rmin_l d (r x - low)) (Rmin_r d (r x - low));
        assert (0 < Rmin d (r x - low)) by (apply Rmin_pos; lra); lra).
  assert (Hleft : g (r x - w) < x) by (rewrite <- (Hinv x) at 2; apply Hinc; lra).
  assert (Hright : x < g (r x + w)) by (rewrite <- (Hinv x) at 1; apply Hinc; lra).
  assert (Hh : 0 < Rmin (x - g (r x - w)) (g (r x + w) - x)) by (apply Rmin_pos; lra).
  exists (mkposreal _ Hh). simpl. intros h Hne Hsmall.
  generalize (Rmin_l (x - g (r x - w)) (g (r x + w) - x)) (Rmin_r (x - g (r x - w)) (g (r x + w) - x)). intros Hl Hr.
  apply Rabs_def2 in Hsmall.
  assert (Hnear : r x - w < r (x + h) < r x + w) by (split; apply Hrefl; rewrite ?Hinv; auto; lra).
  destruct (MVT_gen g (r x) (r (x + h)) g') as [c [Hbetween E]].
  - intros z Hz. apply Hd. apply Rlt_trans with (Rmin (r x) (r (x + h))); [apply Rmin_glb_lt; auto | apply Hz].
  - intros z Hz. apply continuity_pt_filterlim, (cont_derive g z (g' z)), Hd.
    apply Rlt_le_trans with (Rmin (r x) (r (x + h))); [apply Rmin_glb_lt; auto | apply Hz].
  - assert (Hcl : r x - w < c < r x + w).
    { destruct Hbetween as [H1 H2]. split;
        [apply Rlt_le_trans with (2 := H1); apply Rmin_glb_lt; lra
        | apply Rle_lt_trans with (1 := H2); apply Rmax_lub_lt; lra]. }
    rewrite !Hinv in E. assert (Hg : 0 < g' c) by (apply Hpos; lra).
    replace ((r (x + h) - r x) / h) with (/ g' c).
    + destruct (Req_dec c (r x)) as [->|Hneq].
      * rewrite Rminus_diag_eq, Rabs_R0 by reflexivity. exact Heps.
      * apply (Hclose c). split; [split; [exact I | auto] |]. simpl. unfold R_dist. apply Rabs_def1; lra.
    + replace (r (x + h) - r x) with (h / g' c); [field; lra|].
      apply Rmult_eq_reg_l with (g' c); [|lra]. rewrite <- E. field. lra.
Qed.

(* |Σ f| ≤ Σ |f| *)
Lemma sum_abs : forall n f, Rabs (sum n f) <= sum n (fun i => Rabs (f i)).
Proof.
  induction n; intros f; simpl; [rewrite Rabs_R0; lra|].
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat_r, IHn.
Qed.

(* Symmetry moves C from one side of a product to the other. *)
Lemma dot_mv_sym : forall n C u v, (forall i j, C i j = C j i) -> dot n u (mv n C v) = dot n (mv n C u) v.
Proof.
  intros n C u v H. rewrite dot_mv. apply dot_ext; intros; [|reflexivity]. rewrite vm_transpose.
  apply sum_ext; intros. unfold transpose. now rewrite H.
Qed.

Lemma mv_vsub : forall m A u v i, mv m A (fun j => u j - v j) i = mv m A u i - mv m A v i.
Proof. intros. unfold mv. rewrite <- sum_minus. apply sum_ext; intros. ring. Qed.

(* t ↦ t between a and b, constant outside, is continuous. *)
Definition clamp (a b t : R) : R := Rmax a (Rmin b t).

Lemma clamp_between : forall a b t, a <= t <= b -> clamp a b t = t.
Proof. intros a b t H. unfold clamp. rewrite Rmin_right, Rmax_right; lra. Qed.

Lemma clamp_range : forall a b t, a <= b -> a <= clamp a b t <= b.
Proof.
  intros a b t H. unfold clamp. split; [apply Rmax_l|]. apply Rmax_lub; [exact H | apply Rmin_l].
Qed.

Lemma clamp_cont : forall a b t, continuous (clamp a b) t.
Proof.
  intros a b t. apply continuity_pt_filterlim. intros eps Heps. exists eps. split; [exact Heps|].
  intros s [_ Hs]. simpl in *. unfold R_dist in *. apply Rle_lt_trans with (2 := Hs). clear Hs.
  unfold clamp, Rmax, Rmin, Rabs. repeat destruct (Rle_dec _ _); repeat destruct (Rcase_abs _); lra.
Qed.
